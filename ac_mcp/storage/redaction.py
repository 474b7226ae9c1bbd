"""What is kept of a call without what only the caller should know; and how the rest waits where others could read."""

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, cast
from urllib.parse import urlsplit

from ac_mcp.messages import Json

HIDDEN = "…"
LINKS = ("url", "sign_in_url", "linkUrl", "link_url")
"""What may hold a secret: a sign-in link its token, the address of a webhook a key."""
SECRETS = ("password", "headers", "callback", "variables")
"""What is one or may hold one, as a whole: of a new user, of an address that is called back, of a query."""
ENCRYPTED = "sealed "


def encrypt_with_token(token: str, arguments: Json) -> str:
    """What only the token opens, of which nothing but a hash is kept: other hosts keep it, and their files."""
    return ENCRYPTED + locked(token).encrypt(json.dumps(arguments, default=str).encode()).decode()


def decrypt_with_token(token: str, kept: str) -> Json:
    return json.loads(locked(token).decrypt(kept.removeprefix(ENCRYPTED)) if kept.startswith(ENCRYPTED) else kept)


def locked(token: str) -> Any:
    from cryptography.fernet import Fernet  # the SDK brings it along

    return Fernet(urlsafe_b64encode(sha256(f"ac-mcp offer {token}".encode()).digest()))


def redact(value: Any, *, links: bool = True) -> Any:
    """The same with no secret in it; without `links` only what surely is one."""
    if isinstance(value, list):
        return [redact(one, links=links) for one in cast("list[Any]", value)]
    if not isinstance(value, Mapping):
        return value
    said = cast("Mapping[str, Any]", value)
    short = {key: origin_of(str(one)) for key, one in said.items() if links and key in LINKS and one is not None}
    return {key: HIDDEN if key in SECRETS else redact(one, links=links) for key, one in said.items()} | short


def origin_of(url: str) -> str:
    """Where an address leads, without the rest: many a service puts the secret of a webhook into its path."""
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.hostname}/{HIDDEN}" if parts.hostname else HIDDEN
    except ValueError:
        return HIDDEN
