"""From a key to an account that answers: `ac-mcp connect`, the same in a chat, and the names accounts are called by."""

import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import httpx2
import pytest

from ac_mcp.calls.account import Account
from ac_mcp.calls.execute import execute as run_one
from ac_mcp.cli import doctor
from ac_mcp.cli.app import DEFAULT_COMPANY
from ac_mcp.cli.connect import DIRECT, NO_KEY, SANDBOX, ConnectOptions, ConnectRun, connect, run_steps, unique_name
from ac_mcp.gateway.call_client import Trail
from ac_mcp.gateway.rate_stores import hash_secret
from ac_mcp.messages import Json
from ac_mcp.operations import OPERATIONS
from ac_mcp.settings import Settings
from ac_mcp.storage.connections_file import FILE, ConnectionPreferences, load_preferences, save_preferences
from tests.examples import ACTIVE
from tests.support import KEY, Trial, in_virtual_time, trial

OTHER = "1f0c7a52-0000-4000-8000-000000000009"


async def sign_in(one: Trial, url: str) -> None:
    """What a person does in the browser."""
    async with httpx2.AsyncClient(transport=one.sandbox.transport()) as browser:
        assert (await browser.post(url)).status_code == 200


async def shown_by(one: Trial, folder: Path | None, options: ConnectOptions) -> tuple[int, str]:
    lines: list[str] = []
    code = await run_steps(
        ConnectRun(one.account, options, load_preferences(folder, hash_secret(KEY)), folder, write_line=lines.append)
    )
    return code, "\n".join(lines)


@asynccontextmanager
async def empty(one: Trial) -> AsyncGenerator[None]:
    """Without any connection."""
    for row in (await one.answer("list_connections"))["connections"]:
        await one.answer("manage_connection", action="delete", connection=row["id"])
    one.account.default.forget()
    yield


@in_virtual_time
async def test_the_one_there_is_is_used_and_gets_the_name_of_its_account(tmp_path: Path) -> None:
    async with trial() as one:
        code, said = await shown_by(one, tmp_path, ConnectOptions())
        assert code == 0
        assert said.startswith("Connected to northwind (northwind.api-us1.com), signed in as Dana Reyes.\n")
        assert "POST" not in " ".join(one.requests)
        assert load_preferences(tmp_path, hash_secret(KEY)) == ConnectionPreferences(ACTIVE, {ACTIVE: "northwind"})


@in_virtual_time
async def test_a_new_one_is_made_waited_for_named_and_used(tmp_path: Path) -> None:
    async with trial() as one, empty(one):
        lines: list[str] = []
        run = ConnectRun(one.account, ConnectOptions(name="Acme"), ConnectionPreferences(), tmp_path, lines.append)

        async def person() -> None:
            await anyio.sleep(7)
            await sign_in(one, "\n".join(lines).split()[-1])

        async with anyio.create_task_group() as group:
            group.start_soon(person)
            assert await run_steps(run) == 0
        assert lines[0].startswith("Open this link and sign in to ActiveCampaign:\n\n  http://")
        assert lines[1].startswith("Connected to Acme (")
        kept = load_preferences(tmp_path, hash_secret(KEY))
        assert list(kept.names.values()) == ["Acme"]
        assert kept.default in kept.names


@in_virtual_time
async def test_nobody_who_signs_in_is_waited_for_five_minutes_and_the_link_is_taken_again(tmp_path: Path) -> None:
    async with trial() as one, empty(one):
        before = anyio.current_time()
        code, said = await shown_by(one, tmp_path, ConnectOptions())
        assert code == 1
        assert 300 <= anyio.current_time() - before <= 303
        assert "The link stays" in said
        link = next(word for word in said.split() if word.startswith("http"))
        await sign_in(one, link)
        code, said = await shown_by(one, tmp_path, ConnectOptions())
        assert code == 0
        assert one.requests.count("POST //connections") == 1


@in_virtual_time
async def test_a_link_of_a_while_ago_is_opened_again_and_an_old_one_is_not(tmp_path: Path) -> None:
    async with trial() as one, empty(one):
        await shown_by(one, tmp_path, ConnectOptions())
        await shown_by(one, tmp_path, ConnectOptions())
        assert one.requests.count("POST //connections") == 1
        await anyio.sleep(600)
        await shown_by(one, tmp_path, ConnectOptions())
        assert one.requests.count("POST //connections") == 2


@in_virtual_time
async def test_a_sign_in_that_failed_is_told(tmp_path: Path) -> None:
    async with trial() as one, empty(one):
        failed: Json = {
            "connection": {"connection_id": "9", "status": "FAILED", "url": "https://connect.example/9", "metadata": {}}
        }

        def answer(request: httpx2.Request) -> httpx2.Response | None:
            return httpx2.Response(200, json=failed) if request.url.path.startswith("/connections/") else None

        one.wire.answer = answer
        code, said = await shown_by(one, tmp_path, ConnectOptions())
        assert code == 1
        assert said.endswith("Maton says FAILED: signing in did not work. Once more: ac-mcp connect --new")
        assert not (tmp_path / FILE).exists()


@in_virtual_time
async def test_of_several_none_is_taken_until_somebody_says_which(tmp_path: Path) -> None:
    async with trial() as one:
        made = await one.answer("manage_connection", action="create")
        await sign_in(one, made["connection"]["sign_in_url"])
        code, said = await shown_by(one, tmp_path, ConnectOptions())
        assert code == 1
        assert "This key reaches several accounts." in said
        assert "account3" in said
        code, said = await shown_by(one, tmp_path, ConnectOptions(use=made["connection"]["id"], name="Acme"))
        assert code == 0
        assert "Acme" in said.splitlines()[0]
        assert load_preferences(tmp_path, hash_secret(KEY)).default == made["connection"]["id"]
        code, said = await shown_by(one, tmp_path, ConnectOptions(use="NORTHWIND"))
        assert code == 0
        assert load_preferences(tmp_path, hash_secret(KEY)).default == ACTIVE
        code, said = await shown_by(one, tmp_path, ConnectOptions(use="nobody"))
        assert (code, said.splitlines()[0]) == (1, "There is no ACTIVE connection called 'nobody'. There are:")
        code, said = await shown_by(one, tmp_path, ConnectOptions(name="Acme"))
        assert (code, said) == (1, "Another connection is called 'Acme': choose another --name.")


@in_virtual_time
async def test_names_stand_in_lists_choose_the_account_of_a_call_and_tell_where_it_was_made() -> None:
    async with trial({"AC_MCP_MULTI_ACCOUNT": "1"}) as one:
        made = await one.answer("manage_connection", action="create")
        await sign_in(one, made["connection"]["sign_in_url"])
        names = {ACTIVE: "Coffee", made["connection"]["id"]: "Tea"}
        account = replace(one.account, caller=replace(one.account.caller, connection_names=names), directories={})
        rows = (await run_one(account, OPERATIONS["list_connections"], {}))["connections"]
        assert [row.get("name") for row in rows if row["status"] == "ACTIVE"] == ["Coffee", "Tea"]
        for name, total in (("Coffee", 60), ("tea", 0)):
            answer = await run_one(account, OPERATIONS["list_contacts"], {"connection": name, "limit": 1})
            assert answer["total"] == total
        tagged = await run_one(account, OPERATIONS["create_tag"], {"connection": "Tea", "name": "Green"})
        assert tagged["in_account"] == "Tea"


@in_virtual_time
async def test_a_name_of_ours_is_shown_and_maton_s_own_note_still_chooses() -> None:
    async with trial() as one:
        rows: list[dict[str, Any]] = [{"connection_id": ACTIVE, "status": "ACTIVE", "metadata": {"account": "Theirs"}}]
        one.wire.answer = lambda request: httpx2.Response(200, json={"connections": rows})
        account = replace(
            one.account, caller=replace(one.account.caller, connection_names={ACTIVE: "Ours"}), directories={}
        )
        (row,) = (await run_one(account, OPERATIONS["list_connections"], {}))["connections"]
        assert row["name"] == "Ours"
        for name in ("Ours", "Theirs"):
            bound = account.client_for(OPERATIONS["list_tags"], Trail())
            assert await account.directory("").id(bound, "connection", "connections", name) == ACTIVE


@in_virtual_time
async def test_in_a_chat_waiting_ends_as_soon_as_somebody_has_signed_in() -> None:
    async with trial() as one:
        made = await one.answer("manage_connection", action="create")
        id = made["connection"]["id"]

        async def person() -> None:
            await anyio.sleep(5)
            await sign_in(one, made["connection"]["sign_in_url"])

        before = anyio.current_time()
        told: Json = {}
        async with anyio.create_task_group() as group:
            group.start_soon(person)
            told = await one.answer("get_connection", connection=id, wait=True)
        assert told["connection"]["status"] == "ACTIVE"
        assert told["note"] == "Signed in: describe_account shows which account it is."
        assert anyio.current_time() - before < 8


@in_virtual_time
async def test_in_a_chat_nobody_who_signs_in_is_said_in_time() -> None:
    async with trial() as one:
        made = await one.answer("manage_connection", action="create")
        told = await one.answer("get_connection", connection=made["connection"]["id"], wait=True)
        assert told["connection"]["status"] == "PENDING"
        assert told["note"].startswith("Nobody has signed in yet")
        asked = len(one.requests)
        assert "note" not in await one.answer("get_connection", connection=ACTIVE, wait=True)
        assert len(one.requests) == asked + 1


@pytest.mark.parametrize(
    ("settings", "options", "said", "code"),
    [
        (Settings(), ConnectOptions(), NO_KEY, 1),
        (Settings(direct_url="https://acme.api-us1.com", direct_token="x"), ConnectOptions(), DIRECT, 0),
        (Settings(sandbox=True), ConnectOptions(new=True), SANDBOX, 1),
    ],
)
async def test_where_there_is_nothing_to_connect_it_says_what_to_do(
    settings: Settings, options: ConnectOptions, said: str, code: int
) -> None:
    lines: list[str] = []
    assert await connect(settings, DEFAULT_COMPANY, options, lines.append) == code
    assert lines == [said]


@pytest.mark.parametrize("text", ["", "{", "[]", '{"k": 5}', '{"k": {"names": [1]}}', "\x00", "[" * 100_000])
def test_a_file_of_names_that_is_broken_is_nobody_s_loss(text: str, tmp_path: Path) -> None:
    (tmp_path / FILE).write_text(text)
    assert load_preferences(tmp_path, "k") == ConnectionPreferences()
    save_preferences(tmp_path, "k", ConnectionPreferences("1", {"1": "Ä"}))
    assert load_preferences(tmp_path, "k") == ConnectionPreferences("1", {"1": "Ä"})
    assert load_preferences(tmp_path, "other") == ConnectionPreferences()
    assert oct((tmp_path / FILE).stat().st_mode)[-3:] == "600"
    assert KEY not in (tmp_path / FILE).read_text()
    assert json.loads((tmp_path / FILE).read_text())["k"]["default"] == "1"


def test_two_accounts_have_two_names() -> None:
    assert unique_name("northwind", {}) == "northwind"
    assert unique_name("northwind", {"1": "Northwind", "2": "northwind 2"}) == "northwind 3"


@asynccontextmanager
async def two(one: Trial, **rows: Json) -> AsyncGenerator[list[Json]]:
    """Two ACTIVE connections of one account, as Maton lists them."""
    made: list[Json] = [
        {"connection_id": id, "status": "ACTIVE", "creation_time": f"2026-0{n}-01T00:00:00Z", "metadata": {}}
        for n, id in enumerate((ACTIVE, OTHER), 1)
    ]
    listing = [*made, *rows.values()]

    def answer(request: httpx2.Request) -> httpx2.Response | None:
        if request.url.path == "/connections":
            return httpx2.Response(200, json={"connections": listing})
        request.headers["maton-connection"] = ACTIVE  # behind both is the same account
        return None

    one.wire.answer = answer
    yield listing


@in_virtual_time
async def test_names_that_were_listed_are_there_to_choose_by(tmp_path: Path) -> None:
    async with trial() as one, two(one):
        code, said = await shown_by(one, tmp_path, ConnectOptions())
        assert code == 1
        names = load_preferences(tmp_path, hash_secret(KEY)).names
        assert names == {ACTIVE: "northwind", OTHER: "northwind 2"}
        assert "northwind 2" in said
        code, _ = await shown_by(one, tmp_path, ConnectOptions(use=" Northwind 2 ".strip()))
        assert code == 0
        assert load_preferences(tmp_path, hash_secret(KEY)) == ConnectionPreferences(OTHER, names)
        code, said = await shown_by(one, tmp_path, ConnectOptions(use="northwind"))
        assert "Servers that run already go on with the other one" in said


@in_virtual_time
async def test_a_name_may_be_chosen_without_having_been_listed(tmp_path: Path) -> None:
    async with trial() as one, two(one):
        code, said = await shown_by(one, None, ConnectOptions(use="northwind 2"))
        assert code == 0
        assert f"That is not kept: set MATON_CONNECTION={OTHER}." in said


@in_virtual_time
async def test_the_one_in_use_is_the_default_everywhere(tmp_path: Path) -> None:
    async with trial() as one, two(one):
        settings = replace(one.account.settings, connection=OTHER)
        used = Account.of(settings, one.account.gateway, names={OTHER: "acme-2"})
        rows = (await run_one(used, OPERATIONS["list_connections"], {}))["connections"]
        assert [row.get("default", False) for row in rows] == [False, True]
        lines: list[str] = []
        assert await doctor.run_steps(used, settings, lines.append) == 0
        said = f"used: acme-2 ({OTHER}); ac-mcp connect --use NAME chooses another"
        assert lines[0] == f"connection  2 ACTIVE, 0 PENDING, 0 FAILED; {said}"
        made = await run_one(used, OPERATIONS["create_tag"], {"name": "Green"})
        assert made["in_account"] == "acme-2"


@in_virtual_time
async def test_a_name_that_looks_like_an_id_is_a_name() -> None:
    async with trial({"AC_MCP_MULTI_ACCOUNT": "1"}) as one, two(one):
        account = Account.of(one.account.settings, one.account.gateway, names={OTHER: "acme-2"})
        await run_one(account, OPERATIONS["list_tags"], {"connection": "acme-2"})
        assert one.wire.sent[-1]["connection"] == OTHER


@in_virtual_time
async def test_a_name_somebody_gives_is_nobody_else_s(tmp_path: Path) -> None:
    async with trial() as one, two(one):
        await shown_by(one, tmp_path, ConnectOptions(use=ACTIVE, name="Coffee"))
        for name in ("coffee", ACTIVE.upper()):
            code, said = await shown_by(one, tmp_path, ConnectOptions(use=OTHER, name=name))
            assert (code, said) == (1, f"Another connection is called {name!r}: choose another --name.")
        save_preferences(tmp_path, hash_secret(KEY), ConnectionPreferences(ACTIVE, {ACTIVE: "Coffee", "gone": "Tea"}))
        code, _ = await shown_by(one, tmp_path, ConnectOptions(use=OTHER, name="Tea"))
        assert code == 0
        assert "gone" not in load_preferences(tmp_path, hash_secret(KEY)).names


@in_virtual_time
async def test_what_maton_says_cannot_move_the_cursor_or_break_a_line(tmp_path: Path) -> None:
    async with trial() as one, two(one) as rows:
        rows[0]["metadata"] = {"account": "\x1b]0;x\x07Tea\nConnected to bank"}
        _, said = await shown_by(one, tmp_path, ConnectOptions(use=ACTIVE))
        assert said.isprintable() or set(said) - {"\n"} == {c for c in said if c.isprintable()}
        assert not any(line.startswith("Connected to bank") for line in said.splitlines())


@in_virtual_time
async def test_rows_that_are_none_are_left_out(tmp_path: Path) -> None:
    async with trial() as one, two(one, a={"status": "ACTIVE"}, b={"connection_id": 5}, c={"connection_id": "x"}):
        code, _ = await shown_by(one, tmp_path, ConnectOptions(use=ACTIVE))
        assert code == 0


@in_virtual_time
async def test_a_disturbance_while_waiting_is_waited_out(tmp_path: Path) -> None:
    async with trial() as one, empty(one):
        lines: list[str] = []
        run = ConnectRun(one.account, ConnectOptions(), ConnectionPreferences(), tmp_path, lines.append)

        async def person() -> None:
            await anyio.sleep(3)
            one.wire.answer = lambda request: httpx2.Response(503, text="away")
            await anyio.sleep(20)
            one.wire.answer = lambda request: None
            await sign_in(one, "\n".join(lines).split()[-1])

        async with anyio.create_task_group() as group:
            group.start_soon(person)
            assert await run_steps(run) == 0


@in_virtual_time
async def test_where_nothing_can_be_kept_it_says_so(tmp_path: Path) -> None:
    async with trial() as one:
        (tmp_path / "file").write_text("")
        code, said = await shown_by(one, tmp_path / "file" / "folder", ConnectOptions())
        assert code == 0
        assert "cannot be written" in said
        assert f"That is not kept: set MATON_CONNECTION={ACTIVE}." in said


@in_virtual_time
async def test_a_connection_that_the_environment_names_wins_and_is_said_to(tmp_path: Path) -> None:
    async with trial() as one, two(one):
        code, said = await shown_by(
            one, tmp_path, ConnectOptions(use="northwind", environment_connection="NORTHWIND 2")
        )
        assert code == 0
        assert "MATON_CONNECTION is set to NORTHWIND 2 and wins" in said
        (marked,) = [line for line in said.splitlines() if line.endswith("<- used")]
        assert OTHER in marked


@in_virtual_time
async def test_a_chosen_connection_that_is_gone_is_said_to_be() -> None:
    async with trial() as one, two(one):
        gone = "00000000-0000-4000-8000-000000000000"
        account = Account.of(replace(one.account.settings, connection=gone), one.account.gateway)
        told = await run_one(account, OPERATIONS["list_connections"], {})
        assert told["note"].startswith("The connection that was chosen for this server is none of these any more")
        assert not any(row.get("default") for row in told["connections"])
        lines: list[str] = []
        one.wire.answer = lambda request: (
            None if request.url.path == "/connections" else httpx2.Response(400, json={"error": "No active connection"})
        )
        assert await doctor.run_steps(account, account.settings, lines.append) == 1
        said = "\n".join(lines)
        assert f"the one that was chosen is gone: {gone}" in said
        assert "failed      first read: No usable ActiveCampaign connection" in said
        assert "Choose: ac-mcp connect" in said


@pytest.mark.parametrize("shape", ["flat", "spelt otherwise", "nested", "nested and spelt otherwise"])
@in_virtual_time
async def test_a_new_connection_gives_its_link_in_whatever_shape_it_comes(shape: str) -> None:
    async with trial() as one:

        async def reshaped(request: httpx2.Request) -> httpx2.Response:
            response = await inner.handle_async_request(request)
            if request.method != "POST":
                return response
            body = json.loads(await response.aread())
            row: Json = body.get("connection") or body
            id = row["connection_id"]
            shapes: dict[str, Json] = {
                "flat": {"connection_id": id},
                "spelt otherwise": {"connection_Id": id},
                "nested": {"connection": row},
                "nested and spelt otherwise": {"connection": {"connection_Id": id}},
            }
            return httpx2.Response(200, json=shapes[shape])

        inner, one.wire.inner = one.wire.inner, httpx2.MockTransport(reshaped)
        made = await one.answer("manage_connection", action="create")
        assert (made["result"], made["connection"]["status"]) == ("created", "PENDING")
        assert made["connection"]["sign_in_url"].startswith("http")


@in_virtual_time
async def test_the_host_that_answered_is_kept(tmp_path: Path) -> None:
    async with trial() as one:
        one.account.gateway.endpoints.has_moved = True
        await shown_by(one, tmp_path, ConnectOptions())
        assert load_preferences(tmp_path, hash_secret(KEY)).host == "http://sandbox.invalid"
