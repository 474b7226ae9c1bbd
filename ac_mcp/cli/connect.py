"""`ac-mcp connect`: from a key to an account that answers, and which account is used from then on."""

import sys
import webbrowser
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from ac_mcp.calls.account import Account
from ac_mcp.cli.app import Company, open_account, state_folder
from ac_mcp.cli.next_command import in_shell
from ac_mcp.errors import Throttled, ToolError, Unavailable
from ac_mcp.gateway.call_client import CallClient, Trail
from ac_mcp.gateway.rate_stores import hash_secret
from ac_mcp.messages import Json, as_object, as_objects
from ac_mcp.operations.connections import connections, create_connection, get_connection, list_connections
from ac_mcp.operations.overview import address
from ac_mcp.operations.users import get_current_user
from ac_mcp.results.next_call import explain
from ac_mcp.settings import Settings, is_address
from ac_mcp.storage.connections_file import ConnectionPreferences, load_preferences, save_preferences
from ac_mcp.text import visible

Show = Callable[[str], None]
EVERY, AT_MOST, FRESH = 2.0, 300.0, 600.0
"""Seconds between two looks, until somebody has to have signed in, and for which a link is worth opening again."""
STEP = 0.1
SPINNER = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
NO_KEY = """\
There is no key yet.
  1. Make one at https://maton.ai/settings
  2. export MATON_API_KEY=...          (Windows: set MATON_API_KEY=...)
  3. ac-mcp connect
Or without Maton: AC_API_URL and AC_API_TOKEN, both in ActiveCampaign under Settings > Developer; then ac-mcp doctor.
To try everything without a key: ac-mcp demo"""
DIRECT = "AC_API_URL is set, so ActiveCampaign is reached without Maton, and nothing has to be connected: ac-mcp doctor"
SANDBOX = """\
The sandbox in this process is connected already. To try signing in: run `ac-mcp sandbox` in another terminal, and here
MATON_API_BASE_URL=http://127.0.0.1:8080 MATON_API_KEY=sandbox ac-mcp connect --new"""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What the command line says of it."""

    new: bool = False
    use: str = ""
    name: str = ""
    browser: bool = True
    """Whether there is one with a window: one in the terminal would take that over."""
    fixed: str = ""
    """The connection the environment names."""


@dataclass(slots=True)
class Connecting:
    """One run of the command."""

    account: Account
    wanted: Wanted
    preferences: ConnectionPreferences
    folder: Path | None
    out: Show

    def show(self, text: str) -> None:
        self.out("\n".join(visible(one) for one in text.split("\n")))

    def sender(self, connection: str = "") -> CallClient:
        caller = replace(self.account.caller, connection=connection, deadline=self.account.clock() + 30)
        return CallClient(self.account.gateway, caller, Trail())

    async def list_connections(self) -> list[Json]:
        rows = as_objects((await list_connections.run(self.sender(), {})).get("connections"))
        return [row for row in rows if isinstance(row.get("connection_id"), str) and row["connection_id"]]

    def name_of(self, row: Json) -> str:
        return single_line(self.preferences.names.get(row["connection_id"]) or next(iter(connections.called(row)), ""))

    def is_meant(self, word: str, row: Json) -> bool:
        """Whether somebody who says this means that connection; an id is never a name."""
        return word == row["connection_id"] or word.casefold() == self.name_of(row).casefold()

    async def sign_in(self, rows: list[Json]) -> Json | None:
        """A connection that somebody has signed in to just now; None if nobody did."""
        fresh = [row for row in rows if self.is_fresh(row)]
        row = fresh[-1] if fresh else await self.create()
        id, url = str(row.get("connection_id") or ""), str(row.get("url") or "")
        if not (id and url):
            self.show("Maton gave no link to sign in with. Once more: ac-mcp connect --new")
            return None
        self.show(f"Open this link and sign in to ActiveCampaign:\n\n  {url}\n")
        if self.wanted.browser and can_open(url):
            with suppress(webbrowser.Error):
                webbrowser.open(url)
        try:
            return await self.wait_until_active(id)
        finally:
            spin("")

    async def create(self) -> Json:
        return as_object((await create_connection.run(self.sender(), {"app": "active-campaign"})).get("connection"))

    def is_fresh(self, row: Json) -> bool:
        """Whether its link was made so lately that it is simply opened again."""
        try:
            age = (self.account.gateway.now() - datetime.fromisoformat(str(row.get("creation_time")))).total_seconds()
        except (ValueError, TypeError):
            return False
        return row.get("status") == "PENDING" and bool(row.get("url")) and age < FRESH

    async def wait_until_active(self, id: str) -> Json | None:
        began = self.account.clock()
        while (waited := self.account.clock() - began) < AT_MOST:
            with suppress(Unavailable, Throttled):  # it may be back at the next look
                row = as_object((await get_connection.run(self.sender(), {"connection": id})).get("connection"))
                if row.get("status") != "PENDING":
                    return row | {"connection_id": id}
            for turn in range(round(EVERY / STEP)):
                spin(f"{SPINNER[turn % len(SPINNER)]} waiting until you have signed in ({waited:.0f} s)")
                await self.account.gateway.sleep(STEP)
        then = f"ac-mcp connect --use {id}"
        self.show(f"Nobody has signed in for five minutes. The link stays: open it, then run {then}")
        return None

    async def first_read(self, row: Json) -> tuple[str, str]:
        """The address of the account behind a connection, and who signed in."""
        me = await get_current_user.run(self.sender(row["connection_id"]), {})
        user = as_object(me.get("user"))
        return single_line(address(me)), single_line(
            " ".join(str(user.get(key) or "") for key in ("firstName", "lastName"))
        )

    async def learn(self, rows: list[Json]) -> None:
        """What the accounts are called, of those nobody has named; kept, so that the names stay."""
        names = dict(self.preferences.names)
        for row in rows:
            if not self.name_of(row):
                with suppress(ToolError):  # it is listed by its id then
                    host, _ = await self.first_read(row)
                    names |= {row["connection_id"]: unique_name(host.split(".")[0], names)} if host else {}
        if names != self.preferences.names:
            self.save(replace(self.preferences, names=names))

    def save(self, said: ConnectionPreferences) -> bool:
        """Whether the processes to come will know it."""
        self.preferences = said
        try:
            if self.folder:
                save_preferences(self.folder, hash_secret(self.account.settings.credential), said)
            return self.folder is not None or self.account.settings.sandbox
        except OSError as error:
            self.show(f"{self.folder} cannot be written ({error.strerror}): set AC_MCP_STATE_DIR to a folder that can.")
            return False


def single_line(text: str) -> str:
    """What comes from elsewhere, in one line of what can be seen: it moves no cursor."""
    return " ".join(visible(text).split())


def spin(text: str) -> None:
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()


def can_open(url: str) -> bool:
    """Whether somebody sits before it, and it leads where a sign-in may be."""
    return sys.stdout.isatty() and is_address(url.partition("?")[0])


async def connect(settings: Settings, company: Company, wanted: Wanted, show: Show) -> int:
    """0 when an account answers that is used from then on, else 1."""
    if settings.direct or (settings.sandbox and wanted.new):
        show(DIRECT if settings.direct else SANDBOX)
        return 0 if settings.direct else 1
    if not settings.sandbox and not settings.credential:
        show(NO_KEY)
        return 1
    folder = state_folder(settings)
    async with open_account(settings, company) as one:
        return await steps(
            Connecting(one, wanted, load_preferences(folder, hash_secret(settings.credential)), folder, show)
        )


async def steps(run: Connecting) -> int:
    try:
        row = await pick_connection(run, await run.list_connections())
        if row is None:
            return 1
        if row.get("status") != "ACTIVE":
            run.show(f"Maton says {row.get('status')}: signing in did not work. Once more: ac-mcp connect --new")
            return 1
        return await use_connection(run, row, await run.list_connections())
    except ToolError as trouble:
        run.show(in_shell(explain(trouble, list_connections, {}, False), ()))
        run.show("ac-mcp doctor looks at each step. Where a sign-in has expired: ac-mcp connect --new")
        return 1


async def pick_connection(run: Connecting, rows: list[Json]) -> Json | None:
    """The connection to use: the one that is asked for, the one there is, or a new one."""
    active = [row for row in rows if row.get("status") == "ACTIVE"]
    if word := run.wanted.use:
        await run.learn(active)
        found = [row for row in active if word == row["connection_id"]] or [r for r in active if run.is_meant(word, r)]
        if len(found) == 1:
            return found[0]
        several = "more than one" if found else "no ACTIVE"
        run.show(
            f"There is {several} connection called {word!r}.{' There are:' if active else ' ac-mcp connect makes one.'}"
        )
        overview(run, active, "")
        return None
    chosen = run.account.settings.connection or run.preferences.default
    if not active or run.wanted.new:
        return await run.sign_in(rows)
    same = [row for row in active if chosen and run.is_meant(chosen, row)]
    if len(active) == 1 or same:
        return (same or active)[0]
    await run.learn(active)
    run.show("This key reaches several accounts. Which one is to be used where none is named?")
    overview(run, active, "")
    run.show("  ac-mcp connect --use NAME")
    return None


def unique_name(name: str, others: Mapping[str, str]) -> str:
    """The name, or with a number where another connection has it."""
    taken, number = {other.casefold() for other in others.values()}, 2
    if name.casefold() not in taken:
        return name
    while f"{name} {number}".casefold() in taken:
        number += 1
    return f"{name} {number}"


async def use_connection(run: Connecting, row: Json, rows: list[Json]) -> int:
    """It answers, has a name, and is the one that is used."""
    host, who = await run.first_read(row)
    id, ids = str(row["connection_id"]), {one["connection_id"] for one in rows}
    others = {other: name for other, name in run.preferences.names.items() if other != id and other in ids}
    name = run.wanted.name or run.name_of(row) or unique_name(host.split(".")[0] or id[:8], others)
    if run.wanted.name and name.casefold() in {one.casefold() for one in (*others.values(), *ids)}:
        run.show(f"Another connection is called {name!r}: choose another --name.")
        return 1
    before, kept = run.preferences.default, run.save(ConnectionPreferences(id, {**others, id: name}))
    active = [one for one in rows if one.get("status") == "ACTIVE"]
    await run.learn(active)
    run.show(f"Connected to {name}{f' ({host})' if host else ''}{f', signed in as {who}' if who else ''}.")
    fixed = next(
        (one["connection_id"] for one in active if run.wanted.fixed and run.is_meant(run.wanted.fixed, one)), ""
    )
    overview(run, active, (fixed or "none") if run.wanted.fixed else id)
    if run.wanted.fixed and fixed != id:
        run.show(f"MATON_CONNECTION is set to {run.wanted.fixed} and wins: unset it to use {name}.")
    elif not kept:
        run.show(f"That is not kept: set MATON_CONNECTION={id}.")
    elif before not in ("", id):
        run.show("Servers that run already go on with the other one: start your client again.")
    if len(active) > 1:
        run.show("Another one for one call: --multi-account and connection=NAME; for all: ac-mcp connect --use NAME")
    run.show(
        "Next: ac-mcp setup claude-desktop\nOther clients: ac-mcp setup other. In a shell: ac-mcp call describe_account"
    )
    return 0


def overview(run: Connecting, rows: list[Json], used_id: str) -> None:
    for row in sorted(rows, key=lambda row: str(row.get("creation_time"))):
        mark = "  <- used" if row["connection_id"] == used_id else ""
        run.show(f"  {run.name_of(row) or '(no name)':24} {row['connection_id']}{mark}")
