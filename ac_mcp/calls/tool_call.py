"""One tool call that has been understood."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from ac_mcp.arguments.cleaning import describe_cleaning
from ac_mcp.arguments.parsing import parse_arguments
from ac_mcp.calls.account import Account
from ac_mcp.calls.context import NO_CONTEXT, CallContext
from ac_mcp.errors import BadArguments
from ac_mcp.gateway.call_client import CallClient
from ac_mcp.messages import Json, Request, Response, Sender
from ac_mcp.results.shaping import View
from ac_mcp.spec.operation import Operation
from ac_mcp.writes.audit_log import PendingConfirmation


@dataclass(frozen=True, slots=True)
class ParsedArguments:
    """The arguments of a call: those of its operation, how much to show, and the connection it names ("" if none)."""

    arguments: Json
    view: View
    connection: str = ""
    note: str = ""
    """What was cleaned in them, in a sentence; "" if nothing was."""

    def with_note(self, content: Json) -> Json:
        """Return an answer that also says what was cleaned in the arguments of its call."""
        note = " ".join(filter(None, (self.note, str(content.get("note") or ""))))
        return content | {"note": note} if self.note else content


@dataclass(frozen=True, slots=True)
class ReadLog:
    """The answers of a call's reads, which a second pass of the same call may use once each.

    A call that waits for a confirmation runs twice: once until its first write, and once as a dry run. Nothing was
    written in between, so the second pass need not ask again.
    """

    answers: dict[object, Response] = field(default_factory=dict[object, Response])

    def note(self, request: Request, response: Response) -> None:
        """Note the answer of a read."""
        self.answers[self._key(request)] = response

    def take(self, request: Request) -> Response | None:
        """Return the answer that an earlier pass got, and forget it; None if there is none."""
        return self.answers.pop(self._key(request), None)

    def hand_over(self) -> "ReadLog":
        """Return the answers for the next pass, and forget them."""
        answers = dict(self.answers)
        self.answers.clear()
        return ReadLog(answers)

    @staticmethod
    def _key(request: Request) -> object:
        return (request.plane, request.path, *sorted(request.query.items()))


@dataclass(frozen=True, slots=True)
class LoggedReads:
    """The sender that notes the reads of a pass; a later pass begins with the answers of the `earlier` one."""

    inner: Sender
    log: ReadLog
    earlier: ReadLog

    async def send(self, request: Request) -> Response:
        """Send a request, unless an earlier pass has the answer.

        Raises:
            ToolError: if it failed.
        """
        if request.method != "GET":
            self.log.answers.clear()
            self.earlier.answers.clear()
            return await self.inner.send(request)
        response = None if request.unshared else self.earlier.take(request)
        response = response or await self.inner.send(request)
        self.log.note(request, response)
        return response


@dataclass(frozen=True, slots=True)
class InnerCalls:
    """How a local operation makes another call: with its confirmation, or as a dry run."""

    confirm: Callable[["ToolCall", PendingConfirmation], Awaitable[Json]]
    preview: Callable[["ToolCall", str, Json], Awaitable[Json]]
    """Takes the outer call, the tool and its arguments."""


@dataclass(frozen=True, slots=True)
class ToolCall:
    """One tool call that has been understood and knows which account it is for."""

    account: Account
    operation: Operation[..., Any]
    sent: Json
    """The arguments as the client sent them."""
    parsed: ParsedArguments
    client: CallClient
    """The client for its requests, with its deadline and its trail."""
    context: CallContext = field(default=NO_CONTEXT, kw_only=True)
    inner: InnerCalls = field(kw_only=True)
    reads: ReadLog = field(default_factory=ReadLog, kw_only=True)

    @property
    def arguments(self) -> Json:
        """The arguments, validated."""
        return self.parsed.arguments

    @property
    def is_local(self) -> bool:
        """Whether this server answers the call itself."""
        return self.operation.resource.plane == "local"

    @property
    def label_fields(self) -> Json:
        """The part of an answer that names the account."""
        return self.account.label_fields(self.client.caller, self.operation)


def parse_call(account: Account, operation: Operation[..., Any], sent: Json) -> ParsedArguments:
    """Return the arguments of a call, validated.

    Raises:
        BadArguments: if they cannot be taken, or would show what this server hides.
    """
    parsed = parse_arguments(operation, sent, account.settings.several_accounts)
    is_own = "connection" in operation.signature.parameters
    connection = "" if is_own else str(parsed.get("connection") or "")
    elsewhere = {*operation.views, *(() if is_own else ("connection",))}
    arguments = {name: value for name, value in parsed.items() if name not in elsewhere}
    refuse_hidden(account, operation, arguments)
    view = View.of({name: parsed.get(name) for name in operation.views}, account.settings.hide_user_content)
    return ParsedArguments(arguments, view, connection, describe_cleaning(sent, arguments))


def refuse_hidden(account: Account, operation: Operation[..., Any], arguments: Json) -> None:
    """Raise BadArguments for a call that would bring out free text where it is hidden."""
    reveals = operation.options.understood.reveals
    if account.settings.hide_user_content and reveals and (content := reveals(arguments)):
        raise BadArguments(f"{content} are not shown by this server (AC_MCP_HIDE_USER_CONTENT): leave that out.")
