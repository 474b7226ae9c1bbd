"""What `ac-mcp doctor` says of each step, and of where state is kept."""

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx2
import pytest
import redis as redis_py

from ac_mcp.cli import doctor
from ac_mcp.cli.app import Company
from ac_mcp.cli.doctor import describe_state, examine
from ac_mcp.sandbox import Sandbox
from ac_mcp.settings import Settings
from tests.cli.test_connect import two
from tests.product.test_stdio_faults import listening
from tests.server.processes import Redis, free_port, needs_redis, redis
from tests.support import in_virtual_time, trial


@pytest.fixture
def server(tmp_path: Path) -> Generator[Redis]:
    with redis(tmp_path) as one:
        yield one


@needs_redis
@pytest.mark.parametrize(("keeps", "said"), [(True, "in its append-only file"), (False, "--appendonly yes")])
async def test_the_doctor_looks_whether_redis_keeps_what_it_is_told(server: Redis, keeps: bool, said: str) -> None:
    if not keeps:
        link: Any = redis_py.Redis(port=server.port)
        link.config_set("appendonly", "no")
        link.close()
    assert said in await describe_state(Settings.from_env({"MATON_API_KEY": "x", "AC_MCP_REDIS_URL": server.url}))


@needs_redis
async def test_the_doctor_says_that_there_is_none() -> None:
    told = await describe_state(
        Settings.from_env({"MATON_API_KEY": "x", "AC_MCP_REDIS_URL": f"redis://127.0.0.1:{free_port()}"})
    )
    assert told.startswith("Redis: ")


@in_virtual_time
async def test_doctor_says_which_step_failed_where_it_went_and_what_to_do() -> None:
    async with trial() as one, two(one) as rows:
        lines: list[str] = []
        rows.clear()
        assert await doctor.run_steps(one.account, one.account.settings, lines.append) == 1
        assert lines[-1].endswith("Make one: ac-mcp connect")

        def nobody(request: httpx2.Request) -> httpx2.Response | None:
            raise httpx2.ConnectError("refused")

        one.wire.answer = nobody
        settings = replace(one.account.settings, proxy="http://me:sesame@proxy.example:3128")
        assert await doctor.run_steps(one.account, settings, lines.append) == 1
        said = "\n".join(lines)
        assert "failed      connection: " in said
        assert "Nothing came back from https://ctrl.maton.ai or https://gateway.maton.ai by the proxy" in said
        assert "http://proxy.example:3128" in said
        assert "sesame" not in said


async def test_doctor_is_not_well_where_nothing_can_be_kept(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    async with listening() as (_, address):
        settings = Settings.from_env(
            {"MATON_API_BASE_URL": address, "MATON_API_KEY": Sandbox.key, "AC_MCP_STATE_DIR": str(tmp_path / "file")}
        )
        said = list[str]()
        assert await examine(settings, Company(), said.append) == 1
    assert any(line.startswith("failed      That folder cannot be written") for line in said)
    assert "all well" not in said
