"""`ac-mcp connect`: from a key to an account that answers, and the choice of the connection to use from then on."""

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
from ac_mcp.cli.output import overwrite_line
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
"""Writes one or more lines to the terminal."""
POLL_INTERVAL, SIGN_IN_TIMEOUT, LINK_LIFETIME = 2.0, 300.0, 600.0
"""Seconds: between two looks at a connection, for the user to sign in, and until a link is too old to be reused."""
SPINNER_INTERVAL = 0.1
"""Seconds."""
SPINNER_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
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
class ConnectOptions:
    """Options of the command, and what the environment adds to them."""

    new: bool = False
    """Connect another account."""
    use: str = ""
    """The name or id of the connection to use."""
    name: str = ""
    """The new name of the connection."""
    browser: bool = True
    """Whether to open the link. False without a window system: a browser in the terminal would take it over."""
    environment_connection: str = ""
    """The value of MATON_CONNECTION."""


@dataclass(slots=True)
class ConnectRun:
    """One run of the command."""

    account: Account
    options: ConnectOptions
    preferences: ConnectionPreferences
    folder: Path | None
    """Where the preferences are saved; None if nothing is stored on disk."""
    write_line: Show

    def show(self, text: str) -> None:
        """Show the text without control characters, except for line ends."""
        self.write_line("\n".join(visible(line) for line in text.split("\n")))

    def client_for(self, connection: str = "") -> CallClient:
        """Return a client for requests of the next 30 seconds to a connection; "" is the default."""
        caller = replace(self.account.caller, connection=connection, deadline=self.account.clock() + 30)
        return CallClient(self.account.gateway, caller, Trail())

    async def list_connections(self) -> list[Json]:
        """Fetch the connections as Maton lists them, without rows that lack an id."""
        rows = as_objects((await list_connections.run(self.client_for(), {})).get("connections"))
        return [row for row in rows if isinstance(row.get("connection_id"), str) and row["connection_id"]]

    def name_of(self, row: Json) -> str:
        """Return the name the user gave a connection, else the one Maton has; "" if there is none."""
        return single_line(
            self.preferences.names.get(row["connection_id"]) or next(iter(connections.lookup.called(row)), "")
        )

    def is_named(self, word: str, row: Json) -> bool:
        """Return whether the word is the id or the name of the connection."""
        return word == row["connection_id"] or word.casefold() == self.name_of(row).casefold()

    async def sign_in(self, rows: list[Json]) -> Json | None:
        """Let the user sign in to a new connection and return it; None if there is no link or nobody signs in."""
        fresh = [row for row in rows if self.is_fresh(row)]
        row = fresh[-1] if fresh else await self.create_pending()
        id, url = str(row.get("connection_id") or ""), str(row.get("url") or "")
        if not (id and url):
            self.show("Maton gave no link to sign in with. Once more: ac-mcp connect --new")
            return None
        self.show(f"Open this link and sign in to ActiveCampaign:\n\n  {url}\n")
        if self.options.browser and can_open(url):
            with suppress(webbrowser.Error):
                webbrowser.open(url)
        try:
            return await self.wait_until_active(id)
        finally:
            overwrite_line("")

    async def create_pending(self) -> Json:
        """Create a connection that waits for a sign-in."""
        answer = await create_connection.run(self.client_for(), {"app": "active-campaign"})
        return as_object(answer.get("connection"))

    def is_fresh(self, row: Json) -> bool:
        """Return whether the connection is pending and its link new enough to be opened again."""
        try:
            age = (self.account.gateway.now() - datetime.fromisoformat(str(row.get("creation_time")))).total_seconds()
        except (ValueError, TypeError):
            return False
        return row.get("status") == "PENDING" and bool(row.get("url")) and age < LINK_LIFETIME

    async def wait_until_active(self, id: str) -> Json | None:
        """Wait until the connection is no longer pending and return it; None if nobody signs in within five minutes."""
        start = self.account.clock()
        while (waited := self.account.clock() - start) < SIGN_IN_TIMEOUT:
            with suppress(Unavailable, Throttled):  # the next look may succeed
                row = as_object((await get_connection.run(self.client_for(), {"connection": id})).get("connection"))
                if row.get("status") != "PENDING":
                    return row | {"connection_id": id}
            for turn in range(round(POLL_INTERVAL / SPINNER_INTERVAL)):
                frame = SPINNER_FRAMES[turn % len(SPINNER_FRAMES)]
                overwrite_line(f"{frame} waiting until you have signed in ({waited:.0f} s)")
                await self.account.gateway.sleep(SPINNER_INTERVAL)
        command = f"ac-mcp connect --use {id}"
        self.show(f"Nobody has signed in for five minutes. The link stays: open it, then run {command}")
        return None

    async def fetch_account(self, row: Json) -> tuple[str, str]:
        """Fetch the host of the account behind a connection and the full name of its user; each may be ""."""
        me = await get_current_user.run(self.client_for(row["connection_id"]), {})
        user = as_object(me.get("user"))
        full_name = " ".join(str(user.get(key) or "") for key in ("firstName", "lastName"))
        return single_line(address(me)), single_line(full_name)

    async def add_missing_names(self, rows: list[Json]) -> None:
        """Name the connections without a name after their accounts, and save the names so that they stay."""
        names = dict(self.preferences.names)
        for row in rows:
            if not self.name_of(row):
                with suppress(ToolError):  # it is listed by its id then
                    host, _ = await self.fetch_account(row)
                    if host:
                        names[row["connection_id"]] = unique_name(host.split(".")[0], names)
        if names != self.preferences.names:
            self.save(replace(self.preferences, names=names))

    def save(self, preferences: ConnectionPreferences) -> bool:
        """Save the preferences and return whether they outlast this process, or are those of a sandbox."""
        self.preferences = preferences
        try:
            if self.folder:
                save_preferences(self.folder, hash_secret(self.account.settings.credential), preferences)
            return self.folder is not None or self.account.settings.sandbox
        except OSError as error:
            self.show(f"{self.folder} cannot be written ({error.strerror}): set AC_MCP_STATE_DIR to a folder that can.")
            return False


def single_line(text: str) -> str:
    """Return text from a server as one line of visible characters, which cannot move the cursor."""
    return " ".join(visible(text).split())


def can_open(url: str) -> bool:
    """Return whether to open the URL in a browser: a user is at the terminal, and the address is safe for a sign-in."""
    return sys.stdout.isatty() and is_address(url.partition("?")[0])


async def connect(settings: Settings, company: Company, options: ConnectOptions, show: Show) -> int:
    """Run the command. Return 0 if there is nothing to connect or the chosen account answers, else 1."""
    if settings.direct or (settings.sandbox and options.new):
        show(DIRECT if settings.direct else SANDBOX)
        return 0 if settings.direct else 1
    if not settings.sandbox and not settings.credential:
        show(NO_KEY)
        return 1
    folder = state_folder(settings)
    async with open_account(settings, company) as account:
        preferences = load_preferences(folder, hash_secret(settings.credential))
        return await run_steps(ConnectRun(account, options, preferences, folder, show))


async def run_steps(run: ConnectRun) -> int:
    """Pick a connection and use it; return the exit code."""
    try:
        row = await pick_connection(run, await run.list_connections())
        if row is None:
            return 1
        if row.get("status") != "ACTIVE":
            run.show(f"Maton says {row.get('status')}: signing in did not work. Once more: ac-mcp connect --new")
            return 1
        return await use_connection(run, row, await run.list_connections())
    except ToolError as error:
        run.show(in_shell(explain(error, list_connections, {}, False), ()))
        run.show("ac-mcp doctor looks at each step. Where a sign-in has expired: ac-mcp connect --new")
        return 1


async def pick_connection(run: ConnectRun, rows: list[Json]) -> Json | None:
    """Return the connection to use: the requested one, the default, the only one or a new one.

    None means that the user has to choose, which the output says.
    """
    active = [row for row in rows if row.get("status") == "ACTIVE"]
    if run.options.use:
        return await pick_by_name(run, active, run.options.use)
    if not active or run.options.new:
        return await run.sign_in(rows)
    default = run.account.settings.connection or run.preferences.default
    matches = [row for row in active if default and run.is_named(default, row)]
    if len(active) == 1 or matches:
        return (matches or active)[0]
    await run.add_missing_names(active)
    run.show("This key reaches several accounts. Which one is to be used where none is named?")
    show_connections(run, active, "")
    run.show("  ac-mcp connect --use NAME")
    return None


async def pick_by_name(run: ConnectRun, active: list[Json], word: str) -> Json | None:
    """Return the connection with that id, else the only one with that name; None if there is none or several."""
    await run.add_missing_names(active)
    matches = [row for row in active if word == row["connection_id"]]
    matches = matches or [row for row in active if run.is_named(word, row)]
    if len(matches) == 1:
        return matches[0]
    count = "more than one" if matches else "no ACTIVE"
    run.show(f"There is {count} connection called {word!r}.{' There are:' if active else ' ac-mcp connect makes one.'}")
    show_connections(run, active, "")
    return None


def unique_name(name: str, others: Mapping[str, str]) -> str:
    """Return the name, with a number if another connection has it. `others` holds the names by connection id."""
    used, number = {other.casefold() for other in others.values()}, 2
    if name.casefold() not in used:
        return name
    while f"{name} {number}".casefold() in used:
        number += 1
    return f"{name} {number}"


async def use_connection(run: ConnectRun, row: Json, rows: list[Json]) -> int:
    """Read from the account of a connection, name it, make it the default, and show the result; return the exit code.

    `rows` are all connections; the names of connections that are not in it are dropped.
    """
    host, user = await run.fetch_account(row)
    id, ids = str(row["connection_id"]), {other["connection_id"] for other in rows}
    others = {other: name for other, name in run.preferences.names.items() if other != id and other in ids}
    name = run.options.name or run.name_of(row) or unique_name(host.split(".")[0] or id[:8], others)
    if run.options.name and name.casefold() in {other.casefold() for other in (*others.values(), *ids)}:
        run.show(f"Another connection is called {name!r}: choose another --name.")
        return 1
    previous_id = run.preferences.default
    endpoints = run.account.gateway.endpoints
    host_in_use = endpoints.api if endpoints.has_moved else ""
    saved = run.save(ConnectionPreferences(id, {**others, id: name}, host_in_use))
    active = [other for other in rows if other.get("status") == "ACTIVE"]
    await run.add_missing_names(active)
    run.show(f"Connected to {name}{f' ({host})' if host else ''}{f', signed in as {user}' if user else ''}.")
    fixed = run.options.environment_connection
    fixed_id = next((other["connection_id"] for other in active if fixed and run.is_named(fixed, other)), "")
    show_connections(run, active, (fixed_id or "none") if fixed else id)
    if fixed and fixed_id != id:
        run.show(f"MATON_CONNECTION is set to {fixed} and wins: unset it to use {name}.")
    elif not saved:
        run.show(f"That is not kept: set MATON_CONNECTION={id}.")
    elif previous_id not in ("", id):
        run.show("Servers that run already go on with the other one: start your client again.")
    if len(active) > 1:
        run.show("Another one for one call: --multi-account and connection=NAME; for all: ac-mcp connect --use NAME")
    run.show(
        "Next: ac-mcp setup claude-desktop\nOther clients: ac-mcp setup other. In a shell: ac-mcp call describe_account"
    )
    return 0


def show_connections(run: ConnectRun, rows: list[Json], used_id: str) -> None:
    """Show the name and the id of each connection, the oldest first, with a mark at the one in use."""
    for row in sorted(rows, key=lambda row: str(row.get("creation_time"))):
        mark = "  <- used" if row["connection_id"] == used_id else ""
        run.show(f"  {run.name_of(row) or '(no name)':24} {row['connection_id']}{mark}")
