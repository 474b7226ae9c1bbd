"""What is left out of the record."""

import re

from ac_mcp.storage.redaction import origin_of, redact
from tests.examples import CALLS
from tests.support import KEY, in_virtual_time, trial


@in_virtual_time
async def test_no_secret_of_a_link_and_no_key_is_kept() -> None:
    async with trial() as one:
        await one.answer("manage_connection", action="create")
        url = "https://hooks.northwind.example/in?token=abc123#f"
        await one.answer("create_webhook", **CALLS["create_webhook"] | {"url": url})
        kept = "\n".join(one.account.journal._database._connection.iterdump())  # pyright: ignore
        assert "abc123" not in kept
        assert "session_token" not in kept
        assert not re.search("st_[0-9a-f]{16}", kept)
        for change in ("1", "2"):
            assert (await one.answer("undo_change", change=change))["result"] == "undone"
        assert f'"{KEY}"' not in kept


def test_of_an_address_no_more_is_kept_than_where_it_leads() -> None:
    assert origin_of("https://user:pw@h.example/services/T0/B0/secret?k=1#x") == "https://h.example/…"
    assert origin_of("https://[") == "…"
    assert redact({"webhook": [{"url": "https://h.example/?k"}]}) == {"webhook": [{"url": "https://h.example/…"}]}
