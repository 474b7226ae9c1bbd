"""How one operation is declared, and how a declaration becomes a request. No pydantic, no MCP, no HTTP."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from inspect import Signature, getdoc, signature
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, TypeAlias, TypeVar, cast
from urllib.parse import quote

from ac_mcp.concurrency import gather
from ac_mcp.errors import BadArguments
from ac_mcp.messages import (
    LIST_BODY,
    NO_DEADLINE,
    CallClock,
    Json,
    Method,
    Progress,
    Request,
    Response,
    Sender,
    as_int,
    as_object,
    as_objects,
    no_progress,
)
from ac_mcp.spec.annotations import InQuery, PathText, Ref, ValueOf, Wire, camel, find_mark
from ac_mcp.spec.options import Options

if TYPE_CHECKING:
    from ac_mcp.spec.resource import Resource

P = ParamSpec("P")
R = TypeVar("R")

PAGE = 100
"""The most rows a page can have (reference 2.2)."""
OWN_WORDS = "said by us"
"""The payload key under which an operation's own words travel; no API has one like it."""
ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,63}", re.ASCII)
"""Whatever goes into a path: nothing that could leave it (no dot, slash, percent or space)."""


PATH_TEXT = re.compile(r"[0-9A-Za-z_-][0-9A-Za-z_.@+-]{0,253}", re.ASCII)
"""What else may stand in a path, where it is a name: nothing that a path is made of."""


@dataclass(frozen=True, slots=True)
class Call:
    """One operation being run, with its arguments; calling it sends the declared request."""

    sender: Sender
    operation: "Operation[..., Any]"
    arguments: Mapping[str, Any]
    progress: Progress = no_progress
    watch: CallClock = NO_DEADLINE

    @property
    def present_arguments(self) -> Json:
        """The arguments that say something."""
        return {name: value for name, value in self.arguments.items() if value is not None}

    async def __call__(self, **changes: Any) -> Json:
        """The body of the answer; `changes` replace or add to the arguments, None leaves one out."""
        reply = await self.respond(**changes)
        if reply.reconciled:
            return with_own_words(
                reply.body, result="created after all", found="Its answer got lost; it was looked up."
            )
        return with_own_words(reply.body, result="deleted, or was not there") if reply.status == 404 else reply.body

    async def respond(self, **changes: Any) -> Response:
        """The same, for operations whose status says what happened."""
        reply = await self.sender.send(self.operation.request({**self.arguments, **changes}))
        if self.operation.options.get("verbatim"):
            return reply
        return replace(
            reply, body=self.operation.resource.require_rows(self.operation.method, reply, self.operation.lists)
        )


Handler: TypeAlias = Callable[Concatenate[Call, P], Awaitable[R]]


@dataclass(frozen=True, eq=False)
class Operation(Generic[P, R]):
    """Where a request goes, what it takes, and the function that runs it."""

    resource: "Resource"
    method: Method
    path: str
    handler: Handler[P, R]
    options: Options

    @property
    def name(self) -> str:
        return self.handler.__name__

    @property
    def title(self) -> str:
        return self.options.get("title") or self.name.replace("_", " ").capitalize()

    @property
    def description(self) -> str:
        return " ".join((getdoc(self.handler) or "").split())

    @property
    def read_only(self) -> bool:
        return self.options.get("read_only", False)

    @property
    def destructive(self) -> bool:
        return self.options.get("destructive", False)

    @property
    def idempotent(self) -> bool:
        return self.options.get("idempotent", False)

    @property
    def lists(self) -> bool:
        """Whether it answers with rows, not with one thing."""
        return self.method == "GET" and not self.path.endswith("}") and not self.options.get("single", False)

    @property
    def views(self) -> tuple[str, ...]:
        """Which arguments choose how much of what was read is shown; no handler sees them."""
        if self.method != "GET" or self.resource.plane != "api" or self.options.get("single", False):
            return ()
        if self.options.get("raw"):
            return ("detail",)
        return ("detail", "fields") if self.lists else ("detail",)

    @cached_property
    def signature(self) -> Signature:
        """What a caller may pass: everything but the leading `call`."""
        whole = signature(self.handler)
        return whole.replace(parameters=list(whole.parameters.values())[1:])

    @property
    def required(self) -> list[str]:
        """The parameters a caller has to give."""
        return [p.name for p in self.signature.parameters.values() if p.default is p.empty]

    @cached_property
    def values(self) -> Mapping[str, str]:
        """The parameters that hold a value for what another parameter names."""
        marks = {name: find_mark(p.annotation, ValueOf) for name, p in self.signature.parameters.items()}
        return {name: value.parameter for name, value in marks.items() if value}

    @cached_property
    def references(self) -> Mapping[str, Ref]:
        """The parameters that take a name or an id, and of what."""
        marks = {name: find_mark(p.annotation, Ref) for name, p in self.signature.parameters.items()}
        return {name: ref for name, ref in marks.items() if ref}

    def names_target(self, parameter: str) -> bool:
        """Whether this parameter names the very thing that is changed or deleted."""
        return self.method in ("PUT", "DELETE") and f"{{{parameter}}}" in self.path

    def name_argument(self, arguments: Mapping[str, Any]) -> tuple[str, str]:
        """The argument that gives a thing its name, and that name."""
        return next(((p, str(arguments[p])) for p in ("email", "name", "title") if arguments.get(p)), ("name", ""))

    def parameter(self, wire: str) -> str:
        """Our word for an attribute of the API."""
        for name, parameter in self.signature.parameters.items():
            marked = find_mark(parameter.annotation, Wire)
            if wire == (marked.name if marked else camel(name)) and not self.names_target(name):
                return name
        return wire

    def run(
        self,
        sender: Sender,
        arguments: Mapping[str, Any],
        progress: Progress = no_progress,
        watch: CallClock = NO_DEADLINE,
    ) -> Awaitable[R]:
        """Run for whoever `sender` belongs to."""
        handler = cast("Callable[..., Awaitable[R]]", self.handler)
        bound = self.signature.bind(**arguments)
        bound.apply_defaults()
        return handler(Call(sender, self, bound.arguments, progress, watch), **bound.arguments)

    def __call__(self, call: Call, *args: P.args, **kwargs: P.kwargs) -> Awaitable[R]:
        """Run inside another operation, for the same caller."""
        return self.run(call.sender, self.signature.bind(*args, **kwargs).arguments, call.progress, call.watch)

    def request(self, arguments: Mapping[str, Any]) -> Request:
        """Path first, the rest into query or body; a DELETE carries nothing but its path."""
        path = re.sub(r"{(\w+)}", lambda found: self._segment(found[1], arguments.get(found[1])), self.path)
        sent: Json = {}
        for name, value in arguments.items():
            if value is not None and f"{{{name}}}" not in self.path:
                sent |= self._wired(name, value)
        if self.options.get("raw"):
            return self._of_catalogue(path, sent)
        match self.method:
            case "GET":
                query = {**self.options.get("query", {}), **{name: str(value) for name, value in sent.items()}}
                return Request("GET", path, query, plane=self.resource.plane, repeatable=True, operation=self.name)
            case "DELETE":
                return Request(
                    "DELETE", path, plane=self.resource.plane, repeatable=True, may_be_empty=True, operation=self.name
                )
            case _:
                body = {self.resource.singular: sent} if self.resource.wrapped else sent
                empty = self.method == "PUT" and self.resource.quiet
                plane, again = self.resource.plane, self.idempotent
                return Request(self.method, path, {}, body, plane, again, empty, operation=self.name)

    def _of_catalogue(self, path: str, sent: Json) -> Request:
        """Whatever its method, query and body hold what their parameters say; a list in a query repeats its key."""
        marks = [find_mark(one.annotation, InQuery) for one in self.signature.parameters.values()]
        asked = {one.name for one in marks if one} | ({*sent} if self.method == "GET" else set[str]())
        query = {name: query_value(value) for name, value in sent.items() if name in asked}
        body: Json = {name: value for name, value in sent.items() if name not in asked}
        if self.options.get("bare"):
            body = {LIST_BODY: next(iter(body.values()), None) or []}
        elif wrapper := self.options.get("wrapper"):
            body = {wrapper: body}
        writes = self.method not in ("GET", "DELETE")
        empty, step = self.method != "POST" and self.method != "GET", self.options.get("step") or self.name
        told = body if writes else None
        warning = " ".join(why for key, why in self.options.get("warns", {}).items() if key in sent)
        again = self.idempotent
        return Request(self.method, path, query, told, "api", again, empty, operation=step, raw=True, warning=warning)

    def _segment(self, name: str, value: Any) -> str:
        parameter = self.signature.parameters.get(name)
        return (
            text_segment(name, value)
            if parameter and find_mark(parameter.annotation, PathText)
            else segment(name, value)
        )

    def _wired(self, name: str, value: Any) -> Json:
        parameter = self.signature.parameters.get(name)
        wire = find_mark(parameter.annotation, Wire) if parameter else None
        return wire.encode(value) if wire else {camel(name): value}


def segment(name: str, value: Any) -> str:
    """A value as one segment of a path; anything that could be more than that is refused."""
    text = str(value)
    if not ID.fullmatch(text):
        raise BadArguments(f"{name}: {text[:80]!r} is not an id.")
    return quote(text, safe="")


def text_segment(name: str, value: Any) -> str:
    """An address or a name as one segment of a path, which it cannot leave."""
    text = str(value)
    if not PATH_TEXT.fullmatch(text):
        raise BadArguments(f"{name}: {text[:80]!r} cannot stand in a path.")
    return text


def query_value(value: Any) -> str | tuple[str, ...]:
    """A value of a query; flags are 1 and 0."""
    if isinstance(value, list):
        return tuple(str(one) for one in cast("list[Any]", value))
    return str(int(value) if isinstance(value, bool) else value)


async def gather_payloads(*reads: Awaitable[Json]) -> Json:
    """Several reads at once, their payloads merged; the first failure is raised as it is."""
    return {key: value for payload in await gather(reads) for key, value in payload.items()}


async def all_pages(call: Call, read: Callable[[int], Awaitable[Json]], most: int) -> Json:
    """What `read` gives from each offset on, merged: the first page, then the rest at once, `most` rows in all."""
    first = await read(0)
    total = as_int(as_object(first.get("meta")).get("total"))
    await call.progress(min(PAGE, total), total)
    rest = await gather([read(offset) for offset in range(PAGE, min(total, most), PAGE)])
    lists = [key for key, value in first.items() if isinstance(value, list)]
    return first | {key: [row for page in (first, *rest) for row in as_objects(page.get(key))] for key in lists}


def own_words(payload: Json) -> Json:
    """Our own words in a payload."""
    words: Json = payload.get(OWN_WORDS, {})
    return words


def with_own_words(payload: Json, **words: Any) -> Json:
    """The payload with our own words beside it: `result`, `note` and figures no row holds."""
    return payload | {OWN_WORDS: own_words(payload) | words}
