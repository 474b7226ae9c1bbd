"""Tools from the shell: one call, or an export with a progress bar."""

import json
from argparse import Namespace
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import anyio
from anyio import CancelScope, get_cancelled_exc_class

from ac_mcp import __version__
from ac_mcp.calls.account import Account
from ac_mcp.calls.execute import CallContext, execute
from ac_mcp.cli.app import Company, open_account
from ac_mcp.cli.next_command import in_shell, shell_command, without_next
from ac_mcp.cli.options import inherited_flags
from ac_mcp.cli.output import (
    FAILED,
    NEEDS_CONFIRMATION,
    OK,
    USAGE,
    fail,
    overwrite_line,
    print_error_line,
    print_line,
)
from ac_mcp.cli.tools import shell_access, shell_settings
from ac_mcp.errors import BadArguments, ConfirmationRequired, KeyRefused, ToolError
from ac_mcp.jobs.allowed_files import ANYWHERE
from ac_mcp.messages import Json
from ac_mcp.operations import OPERATIONS
from ac_mcp.results.csv_table import to_csv
from ac_mcp.results.encoding import render
from ac_mcp.results.next_call import explain
from ac_mcp.results.unknown_tool import suggest_tools
from ac_mcp.settings import Settings
from ac_mcp.spec.operation import Operation
from ac_mcp.tools.access import pack_arguments
from ac_mcp.writes.audit_log import PendingConfirmation

UNSUCCESSFUL = ("stopped", "interrupted", "failed", "nothing undone")
"""Values of `result` for which the exit code is not 0."""
BAR_WIDTH = 24
"""Characters."""
NO_KEY_HINT = "In a shell: ac-mcp connect leads through it, ac-mcp call --sandbox needs no key."
EXPORT_HINT = "All contacts or deals: ac-mcp export contacts FILE"


@dataclass(frozen=True, slots=True)
class ShellCall:
    """One tool call from the shell, and how to run and print it."""

    tool: str
    arguments: Json
    company: Company
    flags: Sequence[str]
    """Repeated in the commands that the output proposes."""
    dry_run: bool = False
    confirmed: bool = False
    csv: bool = False


def call_tool(settings: Settings, options: Namespace) -> int:
    """Call one tool, print its answer, and return the exit code.

    No host asks the user before a delete, so the call needs --yes for one.
    """
    settings = shell_settings(settings)
    access = shell_access(settings)
    flags = inherited_flags(options)
    tool: str = options.tool
    try:
        arguments = parse_words(options.arguments)
    except ValueError as error:
        return fail(str(error), USAGE)
    operation = access.operation(tool)
    if operation is None:
        return fail(in_shell(suggest_tools(tool, arguments, list(access.tools))[0], flags), USAGE)
    if operation.read_only and (empty := next((name for name, value in arguments.items() if value == ""), "")):
        return fail(f"{empty}= is empty, and would be about everything: leave it out, or say what is meant.", USAGE)
    if tool not in access.tools:  # an operation of the catalogue runs through a generic tool
        tool, arguments = access.generic_tool_for(operation), {"id": tool, **pack_arguments(arguments)}
    settings = replace(settings, confirm="deletes" if settings.confirm == "auto" else settings.confirm)
    call = ShellCall(
        tool,
        arguments,
        Company.from_options(options),
        flags=flags,
        dry_run=options.dry_run,
        confirmed=options.yes,
        csv=options.csv,
    )
    return anyio.run(run_call, settings, call)


def export(settings: Settings, options: Namespace) -> int:
    """Export contacts or deals to a file, with a progress bar, and return the exit code."""
    suffix = Path(options.file).suffix.lower()
    if suffix not in (".csv", ".jsonl"):
        return fail(f"An export is a .csv or a .jsonl file; {suffix or 'no ending'} is neither.", USAGE)
    arguments: Json = {"file": options.file, "format": suffix[1:]}
    if options.where:
        arguments["where"] = options.where
    if options.fields:
        arguments["fields"] = options.fields
    settings = replace(settings, toolsets="all", tools="", folders=settings.folders or ANYWHERE)
    call = ShellCall(f"export_{options.what}", arguments, Company.from_options(options), inherited_flags(options))
    return anyio.run(run_call, settings, call)


def parse_words(words: Sequence[str]) -> Json:
    """Parse one JSON object, or `name=value` words; a repeated name becomes a list. Values remain text.

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
    values_by_name: dict[str, list[str]] = {}
    for word in words:
        name, _, value = word.partition("=")
        values_by_name.setdefault(name, []).append(value)
    return {name: values if len(values) > 1 else values[0] for name, values in values_by_name.items()}


async def show_progress(done: float, total: float | None = None, message: str | None = None, /) -> None:
    """Show a progress bar with the message on the current line of the terminal."""
    if not message:
        return
    share = min(1.0, done / total) if total else 0.0
    bar = f"[{'#' * round(BAR_WIDTH * share):<{BAR_WIDTH}}] " if total else ""
    overwrite_line(f"{bar}{message}")


def announce_job(job: int, flags: Sequence[str]) -> None:
    """Print the job's number, which is needed to watch it from another shell or to resume it."""
    command = shell_command("follow_job", {"job": str(job), "action": "watch"}, flags)
    print_error_line(f"job {job} begins; {command} (or stop, resume) is about it")


def report_error(error: ToolError, text: str, flags: Sequence[str], durable: bool) -> int:
    """Print the text of an error and return the exit code.

    `durable` is whether the next process knows the journal, and so the confirmation token in the text.
    """
    match error:
        case ConfirmationRequired():
            question = f"{in_shell(text, flags)}\nOr" if durable else f"{without_next(text)}\nOnce they agree:"
            return fail(f"{question} the same command with --yes", NEEDS_CONFIRMATION)
        case KeyRefused(status=0):
            return fail(f"{text}\n{NO_KEY_HINT}")
        case BadArguments():
            return fail(in_shell(text, flags), USAGE)
        case _:
            return fail(in_shell(text, flags))


async def run_call(settings: Settings, call: ShellCall) -> int:
    """Run the call, print its answer or error, and return the exit code."""
    operation, arguments = OPERATIONS[call.tool], call.arguments
    if call.dry_run and not operation.read_only:
        operation, arguments = OPERATIONS["preview_change"], {"tool": operation.name, "arguments": arguments}
    context = CallContext(show_progress, actor=f"ac-mcp call {__version__}")
    async with open_account(settings, call.company) as account:
        account.job_pool.on_start = lambda job: announce_job(job, call.flags)
        try:
            answer = await execute_to_end(account, operation, arguments, context, confirmed=call.confirmed)
        except get_cancelled_exc_class():
            if account.job_pool.last_started:
                with CancelScope(shield=True):
                    print_line(render(await follow_job(account, str(account.job_pool.last_started), context)))
            raise
        except ToolError as error:
            text = explain(error, operation, arguments, settings.direct, account.access)
            return report_error(error, text, call.flags, durable=not account.journal.is_in_memory)
        print_answer(answer, call)
    return FAILED if answer.get("result") in UNSUCCESSFUL else OK


async def execute_to_end(
    account: Account, operation: Operation[..., Any], arguments: Json, context: CallContext, *, confirmed: bool
) -> Json:
    """Execute an operation and wait for its job, which would end with this process.

    `confirmed` is whether the user agrees to a write that requires a confirmation.

    Raises:
        ToolError: if the call fails, or requires a confirmation and is not confirmed.
    """
    try:
        answer = await execute(account, operation, arguments, context)
    except ConfirmationRequired as error:
        if not confirmed:
            raise
        pending = PendingConfirmation(operation.name, arguments, error.fingerprint)
        answer = await execute(account, operation, arguments, replace(context, confirmed=pending))
    while answer.get("result") == "running" and "job" in answer:
        answer |= await follow_job(account, answer["job"], context)
    return answer


async def follow_job(account: Account, job: Any, context: CallContext) -> Json:
    """Return what `follow_job` answers for a job: its state and result."""
    return await execute(account, OPERATIONS["follow_job"], {"job": job}, context)


def print_answer(answer: Json, call: ShellCall) -> None:
    """Print an answer as JSON or CSV. Replace its `failures_file`, an MCP resource, with a command."""
    overwrite_line("")
    if "failures_file" in answer:
        answer["failures_file"] = shell_command("follow_job", {"job": answer["job"]}, ["--csv", *call.flags])
    print_line(to_csv(answer) if call.csv else render(answer))
    if call.csv and "next_offset" in answer:
        print_error_line(
            f"{answer.get('total', 'More')} rows in all: offset={answer['next_offset']} goes on. {EXPORT_HINT}"
        )
