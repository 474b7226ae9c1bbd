"""The skill, as a client reads it."""

import hashlib
from typing import Any

import mcp_types as types
import pytest
from mcp import MCPError
from pydantic import ConfigDict

from ac_mcp.server.skills import GetSkill
from tests.server.test_tools import ERAS
from tests.support import connected, in_virtual_time, trial


class AnyResult(types.Result):
    """Whatever an extension answers."""

    model_config = ConfigDict(extra="allow")


@ERAS
@in_virtual_time
async def test_the_skill_is_served_whole_with_its_digest(options: dict[str, Any]) -> None:
    async with trial() as one, connected(one, **options) as client:
        listed = await client.session.send_request(
            types.Request(method="skills/list", params=types.RequestParams()), AnyResult
        )
        (skill,) = listed.model_dump()["skills"]
        assert skill["frontmatter"]["name"] == "activecampaign"
        (file,) = skill["resources"]
        (part,) = (await client.read_resource(file["uri"])).contents
        assert isinstance(part, types.TextResourceContents)
        raw = part.text.encode()
        assert (file["size"], file["digest"]) == (len(raw), f"sha256:{hashlib.sha256(raw).hexdigest()}")
        found = await client.session.send_request(
            types.Request(method="skills/get", params=GetSkill(uri=file["uri"])), AnyResult
        )
        assert found.model_dump()["skill"] == skill
        with pytest.raises(MCPError, match="There is no such skill; there is skill://activecampaign"):
            await client.session.send_request(
                types.Request(method="skills/get", params=GetSkill(uri="skill://../SKILL.md")), AnyResult
            )
