"""URLs that ActiveCampaign is to call: https, public, and without credentials.

ActiveCampaign makes the call, not this server; but whoever chooses the URL chooses where the account's data goes.
"""

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import urlsplit

MAX_LENGTH = 2000
"""Characters of a URL."""
PRIVATE_TLDS = (
    "localhost",
    "local",
    "localdomain",
    "internal",
    "intranet",
    "lan",
    "home",
    "corp",
    "private",
    "arpa",
    "onion",
)
"""Last labels of names that only mean something inside a network (RFC 6761, 6762, 8375; ICANN's name collisions)."""
LABEL = r"(?!-)[a-z0-9_-]{1,63}(?<!-)"
DOMAIN_NAME = re.compile(rf"{LABEL}(\.{LABEL})+\.?", re.ASCII)
NUMERIC_LABEL = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
"""A last label that makes the host an IPv4 address, in any notation (WHATWG URL)."""
IPV4_EMBEDDING_PREFIXES = ("64:ff9b:", "2002:", "::ffff:", "64:ff9b:1:")
"""Prefixes of IPv6 addresses that stand for an IPv4 address."""


def require_public(text: str) -> str:
    """Return the URL unchanged.

    Raises:
        ValueError: if it is not public https; its text continues a sentence that begins with the value.
    """
    if len(text) > MAX_LENGTH or not re.fullmatch(r"[!-~]+", text) or "\\" in text:
        raise ValueError("is not an address of plain characters without blanks")
    try:
        parts = urlsplit(text)
        host, port = (parts.hostname or "").lower(), parts.port
    except ValueError:
        raise ValueError("is not an address") from None
    if parts.scheme.lower() != "https":
        raise ValueError("is not a public https:// address")
    if parts.username is not None or parts.password is not None or "@" in parts.netloc:
        raise ValueError("holds a user name or password: an address must not carry credentials")
    if port == 0 or not is_public(host):
        raise ValueError("is not a public https:// address")
    return text


def is_public(host: str) -> bool:
    """Return whether a host is reachable from the internet, judged by its text alone (nothing is resolved)."""
    if ":" in host:
        return is_public_ipv6(host)
    last_label = host.rstrip(".").rpartition(".")[2]
    if NUMERIC_LABEL.fullmatch(last_label):
        return is_public_ipv4(host)
    return bool(DOMAIN_NAME.fullmatch(host)) and last_label not in PRIVATE_TLDS


def is_public_ipv4(host: str) -> bool:
    """Return whether this is a public IPv4 address in the usual dotted notation."""
    try:
        return IPv4Address(host).is_global and not IPv4Address(host).is_multicast
    except AddressValueError:
        return False


def is_public_ipv6(host: str) -> bool:
    """Return whether this is a public IPv6 address that has no zone and embeds no IPv4 address."""
    try:
        address = IPv6Address(host.partition("%")[0])
    except AddressValueError:
        return False
    embedded = (
        address.ipv4_mapped
        or address.sixtofour
        or address.teredo
        or address.compressed.startswith(IPV4_EMBEDDING_PREFIXES)
    )
    return "%" not in host and address.is_global and not address.is_multicast and not embedded
