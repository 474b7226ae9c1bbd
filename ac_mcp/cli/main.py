"""The command line: `ac-mcp` serves MCP on stdio; its commands show, try, check and document the same thing."""

import io
import os
import sqlite3
import sys
from argparse import SUPPRESS, ArgumentParser, Namespace, RawDescriptionHelpFormatter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from signal import SIGINT
from typing import Any

import anyio

from ac_mcp import __version__
from ac_mcp.cli.options import HTTP, SANDBOX_OPTIONS, add_arguments, inherited_flags, shared_options
from ac_mcp.cli.output import FAILED, INTERRUPTED, OK, USAGE, fail, print_error_line, print_line
from ac_mcp.settings import BadSetting, Settings, require_valid_settings

MAX_NAME_LENGTH = 80
"""Characters of a connection's name."""


def main() -> None:
    """Run the command line of this process and exit with its code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    sys.exit(run(sys.argv[1:]))


def run(arguments: Sequence[str]) -> int:
    """Run a command and return its exit code, one of those in `output`."""
    options = parse_options(arguments)
    try:
        sandbox_variable = {"AC_MCP_SANDBOX": "true"} if hasattr(options, "sandbox") else {}
        settings = with_options(Settings.from_env({**os.environ, **sandbox_variable}), options)
    except BadSetting as error:
        return fail(str(error), USAGE)
    sandbox_flags = [f"--{name}" for name in SANDBOX_OPTIONS if hasattr(options, name)]
    if sandbox_flags and not settings.sandbox and options.command is not sandbox:
        return fail(f"{sandbox_flags[0]} is about a sandbox: it goes with --sandbox.", USAGE)
    try:
        from ac_mcp.cli.app import log_to_stderr  # slow: Ctrl-C may come meanwhile

        log_to_stderr(settings)
        code = int(options.command(settings, options))
        sys.stdout.flush()
        return code
    except BadSetting as error:
        return fail(str(error), USAGE)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader, such as `head`, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK
    except (OSError, OverflowError, sqlite3.Error) as error:
        return fail(f"{type(error).__name__}: {error}")


def parse_options(arguments: Sequence[str]) -> Namespace:
    """Parse the command line. Exit the process with code 2 if it is invalid."""
    top = parser()
    options, rest = top.parse_known_args(arguments)
    if rest and (options.command is not call or any(word.startswith("-") for word in rest)):
        top.error(f"unrecognized arguments: {' '.join(rest)}")
    if rest:
        options.arguments += rest  # argparse does not collect arguments that follow an option
    return options


def parser() -> ArgumentParser:
    """Return the parser for all commands; the function of the command is in `command` of its namespace."""
    shared = shared_options()
    top = ArgumentParser("ac-mcp", description=__doc__, parents=[shared], formatter_class=RawDescriptionHelpFormatter)
    top.add_argument("--version", action="version", version=f"ac-mcp {__version__}")
    top.add_argument("--http", metavar="HOST:PORT", default=SUPPRESS, help=HTTP)
    top.set_defaults(command=serve)
    commands = top.add_subparsers(title="commands", metavar="")
    for name, function, text in COMMANDS:
        command_parser = commands.add_parser(name, help=text, description=text, parents=[shared])
        command_parser.set_defaults(command=function)
        add_arguments(name, command_parser)
    return top


def with_options(settings: Settings, options: Namespace) -> Settings:
    """Return the settings with the options of the command line, which win over the environment."""
    names = (
        "sandbox", "multi_account", "read_only", "toolsets", "tools", "confirm", "hide_user_content", "allow_default",
        "accept_caller_keys", "log_level",
    )  # fmt: skip
    return require_valid_settings(
        replace(settings, **{name: getattr(options, name) for name in names if hasattr(options, name)})
    )


# Commands import their modules only when they run: --help and errors of usage need none of them.


def serve(settings: Settings, options: Namespace) -> int:
    """Serve MCP on stdio, or over HTTP with --http."""
    from ac_mcp.cli.app import Company, serve_http
    from ac_mcp.cli.app import serve as serve_stdio

    company = Company.from_options(options)
    if hasattr(options, "http"):
        anyio.run(serve_http, settings, options.http, company)
        return OK
    return INTERRUPTED if anyio.run(serve_stdio, settings, company) is SIGINT else OK


def call(settings: Settings, options: Namespace) -> int:
    """Call one tool and print its answer."""
    from ac_mcp.cli.call import call_tool

    return call_tool(settings, options)


def export(settings: Settings, options: Namespace) -> int:
    """Export contacts or deals to a file."""
    from ac_mcp.cli.call import export as run_export

    return run_export(settings, options)


def tools(settings: Settings, options: Namespace) -> int:
    """Print the tools a model sees and their size; with words, the operations a shell can call that match them."""
    from ac_mcp.cli import tools as listing

    if not options.search and not options.json:
        for line in listing.tool_costs(settings):
            print_line(line)
        return OK
    settings, query = listing.shell_settings(settings), " ".join(options.search)
    access = listing.shell_access(settings)
    ids = [query] if query in access else listing.find_operations(access, query) if query else list(access.tools)
    if not ids:
        return fail("Nothing fits: say it in other words, such as the thing and what to do with it.")
    if options.json:
        print_line(listing.describe_as_json(access, ids, settings))
    elif query in access:
        for line in listing.manual(access, query, settings):
            print_line(line)
    else:
        for id in ids:
            print_line(listing.usage_line(access, id, settings))
        print_line(f"What one takes: ac-mcp tools {ids[0]}")
    return OK


def demo(settings: Settings, options: Namespace) -> int:
    """Play a session against the sandbox."""
    from ac_mcp.cli.demo import play

    return anyio.run(play)


def connect(settings: Settings, options: Namespace) -> int:
    """Create, choose and try a connection to ActiveCampaign."""
    from ac_mcp.cli.app import Company
    from ac_mcp.cli.connect import ConnectOptions
    from ac_mcp.cli.connect import connect as run_connect
    from ac_mcp.text import visible

    has_window_system = sys.platform in ("darwin", "win32") or not {"DISPLAY", "WAYLAND_DISPLAY"}.isdisjoint(os.environ)
    name = " ".join(visible(options.name).split())
    if len(name) > MAX_NAME_LENGTH or (options.name and not name):
        return fail(f"--name takes 1 to {MAX_NAME_LENGTH} characters that can be seen.", USAGE)
    connect_options = ConnectOptions(
        new=options.new,
        use=options.use.strip(),
        name=name,
        browser=has_window_system and not options.no_browser,
        environment_connection=settings.connection,
    )
    return anyio.run(run_connect, settings, Company.from_options(options), connect_options, print_line)


def setup(settings: Settings, options: Namespace) -> int:
    """Add this server to a client's configuration, or remove it."""
    from ac_mcp.cli.setup import CLIENTS, CannotSetUp, ServerCommand, set_up
    from ac_mcp.tools.toolsets import offered_tools

    if options.client not in CLIENTS:
        return fail(f"There is no client {options.client!r} here; there are {', '.join(CLIENTS)}.", USAGE)
    offered_tools(settings)  # raises BadSetting: no client gets a server that cannot start
    has_key = bool(settings.sandbox or settings.credential)
    server = ServerCommand.of_this_program(inherited_flags(options), os.environ, has_key)
    try:
        return set_up(
            options.client, server, path=options.file, remove=options.remove, confirmed=options.yes, show=print_line
        )
    except CannotSetUp as error:
        return fail(str(error))


def doctor(settings: Settings, options: Namespace) -> int:
    """Check settings, key, connection and a first read; with --probe also what the account can do."""
    from ac_mcp.cli.app import Company
    from ac_mcp.cli.doctor import examine

    company = Company.from_options(options)
    code = anyio.run(examine, settings, company, print_line)
    if code != OK or options.probe is None:
        return code
    from ac_mcp.cli.probe import probe

    return anyio.run(probe, settings, company, options.probe, print_line)


def sandbox(settings: Settings, options: Namespace) -> int:
    """Serve the sandbox over HTTP on this machine, for any client of ActiveCampaign or Maton."""
    from ac_mcp.cli.app import Company
    from ac_mcp.cli.probe import BadProbe, load_quirks
    from ac_mcp.sandbox import BadFault, Latency, Sandbox, parse

    try:
        faults = [parse(text) for text in options.fault]
        quirks, unlike = load_quirks(options.like) if options.like else (None, ())
    except (BadFault, BadProbe) as error:
        return fail(str(error), USAGE)
    for question in unlike:
        print_error_line(f"The sandbox cannot be like it in this: {question}")
    latency = Latency(*(milliseconds / 1000 for milliseconds in options.latency))
    company = Company.from_options(options)
    instance = Sandbox(
        company.state,
        number=company.number,
        size=company.size,
        rate=options.rate or None,
        faults=faults,
        latency=latency,
        quirks=quirks,
    )
    try:
        anyio.run(serve_sandbox, instance, options.port)
    except OSError as error:
        return fail(f"Port {options.port} cannot be had: {error.strerror}.")
    finally:
        instance.close()
    return OK


async def serve_sandbox(instance: Any, port: int) -> None:
    """Serve the sandbox until interrupted, and print its address once it answers."""
    server = await instance.serve(port)
    address = "http://{}:{}".format(*server.sockets[0].getsockname())
    print_error_line(
        f"ActiveCampaign sandbox on {address}\n"
        f"  Maton:  MATON_API_BASE_URL={address} MATON_API_KEY={instance.key}\n"
        f"  direct: AC_API_URL={address} AC_API_TOKEN={instance.key}\n"
        f"  faults and requests: {address}/sandbox/faults, {address}/sandbox/requests"
    )
    await server.serve_forever()


def health(settings: Settings, options: Namespace) -> int:
    """Check the server over HTTP of this container. A server on stdio counts as healthy: it ends with its client."""
    from ac_mcp.cli.doctor import find_served_address, is_healthy

    address = getattr(options, "http", "") or find_served_address()
    return OK if not address or is_healthy(address) else fail(f"Nothing answers at {address}.")


def docs(settings: Settings, options: Namespace) -> int:
    """Update the generated parts of the documentation; with --check, only report the files that are out of date."""
    from ac_mcp.cli.docs import refresh

    stale = refresh(Path.cwd(), write=not options.check)
    for path in stale:
        print_error_line(f"{path} {'is out of date: run ac-mcp docs' if options.check else 'written'}")
    return FAILED if options.check and stale else OK


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
