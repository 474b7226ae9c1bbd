"""Addresses that others are to send to: public hosts only, without credentials."""

import pytest

from ac_mcp.public_url import require_public
from tests.examples import CALLS
from tests.support import in_virtual_time, trial

HOSTILE = (
    "http://hooks.example.com/x", "https://localhost/x", "https://localhost./x", "https://127.0.0.1/x", "https://127.1/x",
    "https://2130706433/x", "https://0x7f000001/x", "https://0x7f.1/x", "https://0177.0.0.1/x", "https://10.0.0.8/x",
    "https://192.168.1.1/x", "https://172.16.0.1/x", "https://169.254.169.254/latest/meta-data", "https://100.64.0.1/x",
    "https://0.0.0.0/x", "https://224.0.0.1/x", "https://255.255.255.255/", "https://[::1]/x", "https://[fe80::1]/x",
    "https://[fc00::1]/x", "https://[::ffff:127.0.0.1]/x", "https://[::ffff:7f00:1]/x", "https://[64:ff9b::7f00:1]/x",
    "https://[2002:7f00:1::]/x", "https://[fe80::1%25eth0]/x", "https://user:pw@hooks.example.com/x", "https://user@h.example/x",
    "https://@h.example/x", "https://hooks.example.com@127.0.0.1/x", "https://hooks.example.com\\@127.0.0.1/x",
    "https://printer.local/x", "https://db.internal/x", "https://router.lan/x", "https://metadata.google.internal/",
    "https://intranet/x", "https://./x", "https://..example/x", "https:///x", "https://", "ftp://h.example/x",
    "javascript:alert(1)", "file:///etc/passwd", "https://h.example:0/x", "https://h.example:99999/x",
    "https://h.example/a b",
    "https://h.example/\r\nX: y", "https://１２７.0.0.1/x", "https://ｌocalhost/x", "https://h.exаmple/x",
    "//h.example/x",
    "https://h.example/" + "a" * 2000, "https://-x.example/", "https://x..example/", "https://hook_s.example.123/x",
)  # fmt: skip


@pytest.mark.parametrize("address", HOSTILE)
@in_virtual_time
async def test_an_address_that_leads_inside_or_carries_credentials_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="address"):
        require_public(address)
    async with trial() as one:
        await one.refusal("create_webhook", **CALLS["create_webhook"] | {"url": address})
        assert one.requests == []


@pytest.mark.parametrize(
    "address",
    [
        "https://hooks.example.com/x", "https://hooks.example.com:8443/x?key=1", "https://8.8.8.8/x", "https://xn--bcher-kva.example/",
        "https://[2606:4700::1111]/x", "https://a.b.c.example/~x/%20y", "HTTPS://Hooks.Example.COM/x", "https://hook_s.example/x",
    ],
)  # fmt: skip
def test_a_public_address_is_taken(address: str) -> None:
    assert require_public(address) == address
