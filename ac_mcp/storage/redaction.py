"""Redaction of what is stored about a call, and encryption of arguments that have to be stored in full."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, cast
from urllib.parse import urlsplit

from ac_mcp.errors import GatewayError
from ac_mcp.messages import Json

REDACTED = "…"
"""Stands for a value that is not stored or shown."""
LINKS = ("url", "sign_in_url", "linkUrl", "link_url")
"""Keys whose URL may hold a secret: the token of a sign-in link, a key in the address of a webhook."""
SECRETS = ("password", "headers", "callback", "variables")
"""Keys whose whole value is or may hold a secret: a new user's password, an import's callback and its headers, a
query's variables."""
ENCRYPTED_PREFIX = "sealed "


def encrypt_with_token(token: str, arguments: Json) -> str:
    """Return the arguments as text that only the token decrypts.

    Only a hash of the token is stored, so other hosts and their files can hold the text.
    """
    return ENCRYPTED_PREFIX + cipher_of(token).encrypt(json.dumps(arguments, default=str).encode()).decode()


def decrypt_with_token(token: str, stored: str) -> Json:
    """Return the arguments from stored text, encrypted or plain JSON."""
    if stored.startswith(ENCRYPTED_PREFIX):
        return json.loads(cipher_of(token).decrypt(stored.removeprefix(ENCRYPTED_PREFIX)))
    return json.loads(stored)


def cipher_of(token: str) -> Any:
    """Return the Fernet cipher with the key derived from a token."""
    from cryptography.fernet import Fernet  # a dependency of the MCP SDK

    return Fernet(urlsafe_b64encode(sha256(f"ac-mcp offer {token}".encode()).digest()))


def redact(value: Any, *, links: bool = True) -> Any:
    """Return a JSON value without its secrets: values under SECRETS become REDACTED, URLs under LINKS their origin.

    Without `links`, URLs stay whole.
    """
    if isinstance(value, list):
        return [redact(item, links=links) for item in cast("list[Any]", value)]
    if not isinstance(value, Mapping):
        return value
    fields = cast("Mapping[str, Any]", value)
    origins = {key: origin_of(str(item)) for key, item in fields.items() if links and key in LINKS and item is not None}
    return {key: REDACTED if key in SECRETS else redact(item, links=links) for key, item in fields.items()} | origins


def origin_of(url: str) -> str:
    """Return scheme and host of a URL; many services put the secret of a webhook into its path."""
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.hostname}/{REDACTED}" if parts.hostname else REDACTED
    except ValueError:
        return REDACTED


def without_key(error: GatewayError, key: str) -> GatewayError:
    """Return a copy of an error with the key removed from every text, also as PHP writes it in JSON."""
    forms = (key, key.replace("/", "\\/"))

    def clean(value: Any) -> Any:
        for form in forms if isinstance(value, str) else ():
            value = value.replace(form, "***")
        return value

    cleaned = error.but(**{name: clean(value) for name, value in vars(error).items()})
    cleaned.args = tuple(map(clean, error.args))
    return cleaned
