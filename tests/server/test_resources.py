"""What can be attached by its address, through a client in both protocol eras."""

import json
from typing import Any

import httpx2
import mcp_types as types
import pytest
from mcp import Client, MCPError

from ac_mcp.messages import Json
from tests.server.test_tools import ERAS
from tests.support import connected, in_virtual_time, trial


async def content(client: Client, uri: str) -> Json:
    (part,) = (await client.read_resource(uri)).contents
    assert isinstance(part, types.TextResourceContents)
    assert (part.uri, part.mime_type) == (uri, "application/json")
    return json.loads(part.text)


@ERAS
@in_virtual_time
async def test_the_account_and_each_kind_of_thing_can_be_attached(options: dict[str, Any]) -> None:
    async with trial() as one, connected(one, **options) as client:
        account, _ = (await client.list_resources()).resources
        assert (await content(client, str(account.uri)))["counts"]["contacts"] == 60
        listed = (await client.list_resource_templates()).resource_templates
        assert [template.uri_template for template in listed] == [
            "activecampaign://contacts/{id}",
            "activecampaign://tags/{id}",
            "activecampaign://lists/{id}",
            "activecampaign://deals/{id}",
            "activecampaign://stages/{id}",
            "activecampaign://pipelines/{id}",
            "activecampaign://automations/{id}",
            "activecampaign://campaigns/{id}",
            "activecampaign://messages/{id}",
            "activecampaign://forms/{id}",
            "activecampaign://segments/{id}",
            "activecampaign://users/{id}",
            "activecampaign://accounts/{id}",
            "activecampaign://fields/{id}",
            "activecampaign://tasks/{id}",
            "activecampaign://notes/{id}",
            "activecampaign://webhooks/{id}",
        ]
        for template in listed:
            assert await content(
                client, template.uri_template.replace("{id}", "91" if "messages" in template.uri_template else "1")
            )


@ERAS
@pytest.mark.parametrize(
    ("uri", "email"),
    [
        ("activecampaign://contacts/jane@acme.example", "jane@acme.example"),
        ("activecampaign://contacts/jane%40acme.example", "jane@acme.example"),
        ("activecampaign://contacts/Jane%20Reed", "jane@acme.example"),
        ("ActiveCampaign://contacts/Jane Reed", "jane@acme.example"),
    ],
)
@in_virtual_time
async def test_a_resource_is_found_by_name_as_well(options: dict[str, Any], uri: str, email: str) -> None:
    async with trial() as one, connected(one, **options) as client:
        assert (await content(client, uri))["contact"]["email"] == email


@ERAS
@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("activecampaign://contacts/999999", "no contact has the id 999999"),
        ("activecampaign://contacts/", "There is no such resource; there are activecampaign://account,"),
        ("activecampaign://shoes/1", "There is no such resource"),
        ("file:///etc/passwd", "There is no such resource"),
        ("activecampaign://[x/1", "There is no such resource"),
        ("activecampaign://tags/%20", "There is no such resource"),
        ("activecampaign://tags/..%2F..%2Fusers", "no tag is called"),
    ],
)
@in_virtual_time
async def test_an_address_that_leads_nowhere_is_a_protocol_error(options: dict[str, Any], uri: str, said: str) -> None:
    async with trial() as one, connected(one, **options) as client:
        with pytest.raises(MCPError, match=said) as caught:
            await client.read_resource(uri)
        assert caught.value.code == -32602


@in_virtual_time
async def test_a_name_with_the_signs_of_an_address_is_found() -> None:
    async with trial() as one, connected(one) as client:
        for name in ("C# fans", "A/B test", "50% off", "What?"):
            await one.answer("create_tag", name=name)
            assert (await content(client, f"activecampaign://tags/{name}"))["tag"]["name"] == name


@in_virtual_time
async def test_an_account_out_of_reach_is_an_error_of_the_server() -> None:
    async with trial() as one, connected(one) as client:
        one.wire.answer = lambda request: httpx2.Response(500, text="<html>oops</html>")
        with pytest.raises(MCPError, match="ActiveCampaign or Maton have a problem") as caught:
            await client.read_resource("activecampaign://account")
        assert caught.value.code == -32603
        assert "html" not in str(caught.value)


@in_virtual_time
async def test_lists_may_be_kept_by_everybody_and_readings_by_one() -> None:
    async with trial() as one, connected(one, mode="2026-07-28") as client:
        tools, prompts = await client.list_tools(), await client.list_prompts()
        assert (tools.ttl_ms, tools.cache_scope) == (prompts.ttl_ms, prompts.cache_scope) == (3_600_000, "public")
        found = await client.read_resource("activecampaign://tags/1")
        assert (found.ttl_ms, found.cache_scope) == (60_000, "private")
