"""Addresses that somebody else is to call: https, public, and without credentials.

ActiveCampaign makes the call, not this server; but whoever chooses the address chooses where the account's data goes.
"""

import re
from ipaddress import AddressValueError, IPv4Address, IPv6Address
from urllib.parse import urlsplit

LONGEST = 2000
PRIVATE = (
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
NAME = re.compile(rf"{LABEL}(\.{LABEL})+\.?", re.ASCII)
NUMERIC = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
"""A last label by which a host is taken for an IPv4 address, however it is written (WHATWG URL)."""
EMBEDDING = ("64:ff9b:", "2002:", "::ffff:", "64:ff9b:1:")
"""IPv6 that stands for an IPv4 address."""


def require_public(text: str) -> str:
    """The address as it is.

    Raises:
        ValueError: with what is wrong with it, to stand behind the value.
    """
    if len(text) > LONGEST or not re.fullmatch(r"[!-~]+", text) or "\\" in text:
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
    """Whether a host, as far as its name tells, is one that everybody can reach."""
    if ":" in host:
        return is_public_ipv6(host)
    last = host.rstrip(".").rpartition(".")[2]
    if NUMERIC.fullmatch(last):
        return is_public_ipv4(host)
    return bool(NAME.fullmatch(host)) and last not in PRIVATE


def is_public_ipv4(host: str) -> bool:
    """Only the plain form of an IPv4 address, and only a public one."""
    try:
        return IPv4Address(host).is_global and not IPv4Address(host).is_multicast
    except AddressValueError:
        return False


def is_public_ipv6(host: str) -> bool:
    try:
        address = IPv6Address(host.partition("%")[0])
    except AddressValueError:
        return False
    embedded = address.ipv4_mapped or address.sixtofour or address.teredo or address.compressed.startswith(EMBEDDING)
    return "%" not in host and address.is_global and not address.is_multicast and not embedded
