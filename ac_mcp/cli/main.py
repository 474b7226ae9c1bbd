"""The command line: `ac-mcp` serves MCP on stdio; its commands show, try, check and document the same thing."""

import io
import os
import sqlite3
import sys
from argparse import SUPPRESS, ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio

from ac_mcp import __version__
from ac_mcp.cli.call import (
    FAILED,
    INTERRUPTED,
    OF_SANDBOX,
    OK,
    USAGE,
    call,
    company,
    export,
    fail,
    for_shell,
    print_line,
)
from ac_mcp.cli.options import HTTP, arguments_of, flags, shared_options
from ac_mcp.settings import BadSetting, Settings, require_valid_settings

LONGEST_NAME = 80


def main() -> None:
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """The exit code: 0 done, 1 the call or check failed, 2 it was not understood, 130 interrupted."""
    understands = parser()
    asked, rest = understands.parse_known_args(arguments)
    if rest and (asked.command is not call or any(word.startswith("-") for word in rest)):
        understands.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:
        asked.arguments += rest  # they stood behind an option
    try:
        sandboxed = {"AC_MCP_SANDBOX": "true"} if hasattr(asked, "sandbox") else {}
        settings = with_flags(Settings.from_env({**os.environ, **sandboxed}), asked)
    except BadSetting as error:
        return fail(str(error), USAGE)
    of_sandbox = [f"--{name}" for name in OF_SANDBOX if hasattr(asked, name)]
    if of_sandbox and not settings.sandbox and asked.command is not sandbox:
        return fail(f"{of_sandbox[0]} is about a sandbox: it goes with --sandbox.", USAGE)
    from ac_mcp.cli.app import log_to_stderr

    log_to_stderr(settings)
    try:
        code = int(asked.command(settings, asked))
        sys.stdout.flush()
        return code
    except BadSetting as error:
        return fail(str(error), USAGE)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # whoever read it has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except (OSError, OverflowError, sqlite3.Error) as error:
        return fail(f"{type(error).__name__}: {error}")


def parser() -> ArgumentParser:
    shared = shared_options()
    top = ArgumentParser("ac-mcp", description=__doc__, parents=[shared], formatter_class=RawDescriptionHelpFormatter)
    top.add_argument("--version", action="version", version=f"ac-mcp {__version__}")
    top.add_argument("--http", metavar="HOST:PORT", default=SUPPRESS, help=HTTP)
    top.set_defaults(command=serve)
    commands = top.add_subparsers(title="commands", metavar="")
    for name, action, text in COMMANDS:
        one = commands.add_parser(name, help=text, description=text, parents=[shared])
        one.set_defaults(command=action)
        arguments_of(name, one)
    return top


def with_flags(settings: Settings, asked: Namespace) -> Settings:
    """What the command line says wins over the environment."""
    names = (
        "sandbox", "multi_account", "read_only", "toolsets", "tools", "confirm", "hide_user_content", "allow_default",
        "accept_caller_keys", "log_level",
    )  # fmt: skip
    return require_valid_settings(
        replace(settings, **{name: getattr(asked, name) for name in names if hasattr(asked, name)})
    )


def serve(settings: Settings, asked: Namespace) -> int:
    from ac_mcp.cli.app import serve as serve_stdio
    from ac_mcp.cli.app import serve_http

    if hasattr(asked, "http"):
        anyio.run(serve_http, settings, asked.http, company(asked))
        return OK
    anyio.run(serve_stdio, settings, company(asked))
    return OK


def tools(settings: Settings, asked: Namespace) -> int:
    """What a model would be shown, and what it costs; with words, what a shell can call for them."""
    from ac_mcp.cli import tools as toolbox

    if not asked.search and not asked.json:
        for text in toolbox.costs(settings):
            print_line(text)
        return OK
    settings, wish = for_shell(settings), " ".join(asked.search)
    reach = toolbox.within(settings)
    ids = [wish] if wish in reach else toolbox.find_fitting(reach, wish) if wish else list(reach.tools)
    if not ids:
        return fail("Nothing fits: say it in other words, such as the thing and what to do with it.")
    if asked.json:
        print_line(toolbox.describe_as_json(reach, ids, settings))
    elif wish in reach:
        for text in toolbox.manual(reach, wish, settings):
            print_line(text)
    else:
        for id in ids:
            print_line(toolbox.line(reach, id, settings))
        print_line(f"What one takes: ac-mcp tools {ids[0]}")
    return OK


def demo(settings: Settings, asked: Namespace) -> int:
    from ac_mcp.cli.demo import play

    return anyio.run(play)


def connect(settings: Settings, asked: Namespace) -> int:
    """A connection to ActiveCampaign, made, chosen and tried."""
    from ac_mcp.cli.connect import Wanted
    from ac_mcp.cli.connect import connect as run_connect
    from ac_mcp.text import visible

    window = sys.platform in ("darwin", "win32") or not {"DISPLAY", "WAYLAND_DISPLAY"}.isdisjoint(os.environ)
    browser = window and not asked.no_browser
    name = " ".join(visible(asked.name).split())
    if len(name) > LONGEST_NAME or (asked.name and not name):
        return fail(f"--name takes 1 to {LONGEST_NAME} characters that can be seen.", USAGE)
    wanted = Wanted(asked.new, asked.use.strip(), name, browser, settings.connection)
    return anyio.run(run_connect, settings, company(asked), wanted, print_line)


def setup(settings: Settings, asked: Namespace) -> int:
    """This server in a client's configuration."""
    from ac_mcp.cli.setup import CLIENTS, CannotSetUp, Start, set_up
    from ac_mcp.tools.toolsets import offered_tools

    if asked.client not in CLIENTS:
        return fail(f"There is no client {asked.client!r} here; there are {', '.join(CLIENTS)}.", USAGE)
    offered_tools(settings)  # what cannot be started is not written
    start = Start.of_this_program(flags(asked), os.environ, keyed=bool(settings.sandbox or settings.credential))
    try:
        return set_up(asked.client, start, path=asked.file, remove=asked.remove, agreed=asked.yes, show=print_line)
    except CannotSetUp as error:
        return fail(str(error))


def doctor(settings: Settings, asked: Namespace) -> int:
    from ac_mcp.cli.doctor import examine

    return anyio.run(examine, settings, company(asked), print_line)


def sandbox(settings: Settings, asked: Namespace) -> int:
    """The sandbox over HTTP, for any client of ActiveCampaign or Maton; on this machine only."""
    from ac_mcp.sandbox import BadFault, Latency, Sandbox, parse

    try:
        faults = [parse(text) for text in asked.fault]
    except BadFault as error:
        return fail(str(error), USAGE)
    latency = Latency(*(milliseconds / 1000 for milliseconds in asked.latency))
    told = company(asked)
    one = Sandbox(
        told.state, number=told.number, size=told.size, rate=asked.rate or None, faults=faults, latency=latency
    )
    try:
        anyio.run(listening, one, asked.port)
    except OSError as error:
        return fail(f"Port {asked.port} cannot be had: {error.strerror}.")
    finally:
        one.close()
    return OK


async def listening(one: Any, port: int) -> None:
    """Until interrupted; the address is told once it answers."""
    server = await one.serve(port)
    address = "http://{}:{}".format(*server.sockets[0].getsockname())
    fail(
        f"ActiveCampaign sandbox on {address}\n"
        f"  Maton:  MATON_API_BASE_URL={address} MATON_API_KEY={one.key}\n"
        f"  direct: AC_API_URL={address} AC_API_TOKEN={one.key}\n"
        f"  faults and requests: {address}/sandbox/faults, {address}/sandbox/requests"
    )
    await server.serve_forever()


def health(settings: Settings, asked: Namespace) -> int:
    """For a container: its first process is asked, if it serves over HTTP; one on stdio lives while its client does."""
    from ac_mcp.cli.health import address_of_first_process, answers

    address = getattr(asked, "http", "") or address_of_first_process()
    return OK if not address or answers(address) else fail(f"Nothing answers at {address}.")


def docs(settings: Settings, asked: Namespace) -> int:
    from ac_mcp.cli.docs import refresh

    stale = refresh(Path.cwd(), write=not asked.check)
    for path in stale:
        fail(f"{path} {'is out of date: run ac-mcp docs' if asked.check else 'written'}")
    return FAILED if asked.check and stale else OK


COMMANDS: tuple[tuple[str, Any, str], ...] = (
    ("serve", serve, "serve MCP on stdio; the same as no command"),
    ("demo", demo, "watch a session against the sandbox, through a real MCP client"),
    (
        "call",
        call,
        "run one tool from the shell; exit code 0 done, 1 refused or broken off, 2 wrong call, 3 waits for --yes",
    ),
    ("export", export, "write all contacts or deals, or those that meet conditions, to a file"),
    ("tools", tools, "list the tools and what each costs in bytes; with words, those that fit"),
    ("connect", connect, "connect an ActiveCampaign account, or choose which one is used"),
    ("setup", setup, "put this server into a client: claude-desktop, claude-code, cursor, vscode, codex, termo ..."),
    ("doctor", doctor, "check key, connection and addresses step by step"),
    ("sandbox", sandbox, "serve the sandbox account over HTTP on this machine"),
    ("health", health, "whether the server of this container answers"),
    ("docs", docs, "refresh the generated parts of README.md and manifest.json"),
)
