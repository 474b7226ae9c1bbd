"""Tools from the shell: one call, or an export with a bar."""

import json
import sys
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
from anyio import CancelScope, get_cancelled_exc_class

from ac_mcp import __version__
from ac_mcp.cli.next_command import in_shell, shell_command, without_next
from ac_mcp.cli.options import flags
from ac_mcp.errors import BadArguments, ConfirmationRequired, KeyRefused, ToolError
from ac_mcp.jobs.allowed_files import ANYWHERE
from ac_mcp.messages import Json
from ac_mcp.settings import Settings

OK, FAILED, USAGE, ASKS, INTERRUPTED = 0, 1, 2, 3, 130
NOT_DONE = ("stopped", "interrupted", "failed", "nothing undone")
OF_SANDBOX = ("state", "size", "number")


NO_KEY = "In a shell: ac-mcp connect leads through it, ac-mcp call --sandbox needs no key."
ALL = "All contacts or deals: ac-mcp export contacts FILE"


def print_line(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()  # whoever reads it may be waiting for just that


def fail(text: str, code: int = FAILED) -> int:
    sys.stderr.write(text + "\n")
    return code


def company(asked: Namespace) -> Any:
    """The sandbox's company, as far as the command line says anything of it."""
    from ac_mcp.cli.app import Company

    return Company(**{name: getattr(asked, name) for name in OF_SANDBOX if hasattr(asked, name)})


def for_shell(settings: Settings) -> Settings:
    """With every tool, unless somebody chose: no model pays for those that are not called."""
    if not any(not name.startswith("-") for name in f"{settings.toolsets},{settings.tools}".split(",") if name):
        settings = replace(settings, toolsets="all")
    return replace(settings, folders=settings.folders or ANYWHERE)  # a path there is that person's own


def call(settings: Settings, asked: Namespace) -> int:
    """One tool from the shell: the answer on stdout, an error on stderr.

    There is no host here that asks before something is deleted, so a delete waits for its --yes.
    """
    from ac_mcp.cli.tools import within
    from ac_mcp.results.unknown_tool import suggest_tools
    from ac_mcp.tools.access import pack_arguments

    settings = for_shell(settings)
    reach = within(settings)
    try:
        arguments = parse_words(asked.arguments)
    except ValueError as error:
        return fail(str(error), USAGE)
    one = reach.operation(asked.tool)
    if one is None:
        return fail(in_shell(suggest_tools(asked.tool, arguments, list(reach.tools))[0], flags(asked)), USAGE)
    if one.read_only and (empty := next((name for name, value in arguments.items() if value == ""), "")):
        return fail(f"{empty}= is empty, and would be about everything: leave it out, or say what is meant.", USAGE)
    if asked.tool not in reach.tools:  # of the catalogue: by what runs it
        asked.tool, arguments = reach.generic_tool_for(one), {"id": asked.tool, **pack_arguments(arguments)}
    settings = replace(settings, confirm="deletes" if settings.confirm == "auto" else settings.confirm)
    return anyio.run(run_call, settings, asked, arguments)


def export(settings: Settings, asked: Namespace) -> int:
    """Contacts or deals into a file, with a bar that tells how far it is."""
    if (ending := Path(asked.file).suffix.lower()) not in (".csv", ".jsonl"):
        return fail(f"An export is a .csv or a .jsonl file; {ending or 'no ending'} is neither.", USAGE)
    arguments: Json = {"file": asked.file, "format": ending[1:]}
    arguments |= {"where": asked.where} if asked.where else {}
    arguments |= {"fields": asked.fields} if asked.fields else {}
    asked.tool, asked.dry_run, asked.yes, asked.csv = f"export_{asked.what}", False, False, False
    settings = replace(settings, toolsets="all", tools="", folders=settings.folders or ANYWHERE)
    return anyio.run(run_call, settings, asked, arguments)


def parse_words(words: Sequence[str]) -> Json:
    """One JSON object, or name=value pairs whose values may be JSON themselves; a name given twice is a list.

    Raises:
        ValueError: for anything else.
    """
    if len(words) == 1 and words[0].lstrip().startswith("{"):
        try:
            return dict(json.loads(words[0]))
        except (ValueError, RecursionError) as error:
            raise ValueError(f"That is not a JSON object: {error}") from None
    if wrong := next((word for word in words if "=" not in word), None):
        raise ValueError(f"{wrong!r} is neither a JSON object nor name=value. What a tool takes: ac-mcp tools NAME")
    told: dict[str, list[str]] = {}
    for word in words:
        name, _, value = word.partition("=")
        told.setdefault(name, []).append(value)
    return {name: values if len(values) > 1 else values[0] for name, values in told.items()}


async def report_on_stderr(done: float, total: float | None = None, message: str | None = None, /) -> None:
    """A line that is written over, where somebody looks at it."""
    if sys.stderr.isatty() and message:
        width = 24
        share = min(1.0, done / total) if total else 0.0
        bar = f"[{'#' * round(width * share):<{width}}] " if total else ""
        sys.stderr.write(f"\r\x1b[K{bar}{message}")
        sys.stderr.flush()


def announce_job(job: int, options: Sequence[str]) -> None:
    """Whoever stops the shell, or looks from another one, has to know its number."""
    watching = shell_command("follow_job", {"job": str(job), "action": "watch"}, options)
    fail(f"job {job} begins; {watching} (or stop, resume) is about it")


def report_error(trouble: ToolError, said: str, options: Sequence[str], keeps: bool) -> int:
    """What went wrong, and the exit code. A token is of use where the next process knows it."""
    match trouble:
        case ConfirmationRequired():
            asked = f"{in_shell(said, options)}\nOr" if keeps else f"{without_next(said)}\nOnce they agree:"
            return fail(f"{asked} the same command with --yes", ASKS)
        case KeyRefused(status=0):
            return fail(f"{said}\n{NO_KEY}")
        case BadArguments():
            return fail(in_shell(said, options), USAGE)
        case _:
            return fail(in_shell(said, options))


async def run_call(settings: Settings, asked: Namespace, arguments: Json) -> int:
    from ac_mcp.calls.execute import CallContext
    from ac_mcp.calls.execute import execute as run_one
    from ac_mcp.cli.app import open_account
    from ac_mcp.operations import OPERATIONS
    from ac_mcp.results.csv_table import to_csv
    from ac_mcp.results.encoding import render
    from ac_mcp.results.next_call import explain
    from ac_mcp.writes.audit_log import PendingConfirmation

    operation = OPERATIONS[asked.tool]
    if asked.dry_run and not operation.read_only:
        operation, arguments = OPERATIONS["preview_change"], {"tool": operation.name, "arguments": arguments}
    made_by = CallContext(report_on_stderr, actor=f"ac-mcp call {__version__}")
    async with open_account(settings, company(asked)) as one:
        one.job_pool.told = lambda job: announce_job(job, flags(asked))
        try:
            try:
                answer = await run_one(one, operation, arguments, made_by)
            except ConfirmationRequired as needs:
                if not asked.yes:
                    raise
                confirmed = PendingConfirmation(operation.name, arguments, needs.fingerprint)
                answer = await run_one(one, operation, arguments, replace(made_by, confirmed=confirmed))
            while answer.get("result") == "running" and "job" in answer:  # it would end with this process
                answer |= await run_one(one, OPERATIONS["follow_job"], {"job": answer["job"]}, made_by)
        except get_cancelled_exc_class():
            if one.job_pool.last:
                with CancelScope(shield=True):
                    print_line(
                        render(await run_one(one, OPERATIONS["follow_job"], {"job": str(one.job_pool.last)}, made_by))
                    )
            raise
        except ToolError as trouble:
            said = explain(trouble, operation, arguments, settings.direct, one.access)
            return report_error(trouble, said, flags(asked), keeps=not one.journal.is_in_memory)
        if sys.stderr.isatty():
            sys.stderr.write("\r\x1b[K")
        if "failures_file" in answer:  # a shell has no resources
            answer["failures_file"] = shell_command("follow_job", {"job": answer["job"]}, ["--csv", *flags(asked)])
        print_line(to_csv(answer) if asked.csv else render(answer))
        if asked.csv and "next_offset" in answer:
            fail(f"{answer.get('total', 'More')} rows in all: offset={answer['next_offset']} goes on. {ALL}")
    return FAILED if answer.get("result") in NOT_DONE else OK
