"""The declaration of an operation, and the request that follows from it. No pydantic, no MCP, no HTTP."""

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
    as_objects,
    no_progress,
)
from ac_mcp.spec.annotations import InQuery, PathText, Ref, ValueOf, Wire, camel, find_mark
from ac_mcp.spec.options import Options
from ac_mcp.spec.paging import PAGE, Page, batches, total_of

if TYPE_CHECKING:
    from ac_mcp.spec.resource import Resource

P = ParamSpec("P")
R = TypeVar("R")

OWN_WORDS = "said by us"
"""The payload key under which an operation's own words travel; no attribute of the API is called that."""
UNCHECKED = "ActiveCampaign answered that it was done; whether it was could not be looked at."
ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,63}", re.ASCII)
"""An id as a path segment: no dot, slash, percent or space, so that it cannot leave its segment."""
PATH_TEXT = re.compile(r"[0-9A-Za-z_-][0-9A-Za-z_.@+-]{0,253}", re.ASCII)
"""A name or an e-mail address as a path segment: no character that has a meaning in a path."""


@dataclass(frozen=True, slots=True)
class Call:
    """One run of an operation, with its arguments; calling it sends the declared request."""

    sender: Sender
    operation: "Operation[..., Any]"
    arguments: Mapping[str, Any]
    progress: Progress = no_progress
    watch: CallClock = NO_DEADLINE

    @property
    def present_arguments(self) -> Json:
        """The arguments that are not None."""
        return {name: value for name, value in self.arguments.items() if value is not None}

    async def __call__(self, **changes: Any) -> Json:
        """Send the declared request and return the body of the response, with a `result` where the status says more.

        `changes` replace or add arguments; None leaves one out.
        """
        response = await self.respond(**changes)
        if response.reconciled:
            return with_own_words(
                response.body, result="created after all", found="Its answer got lost; it was looked up."
            )
        if response.status == 404:
            return with_own_words(response.body, result="deleted, or was not there")
        may_be_old = self.operation.method == "POST" and self.operation.resource.api.refuses_second
        if may_be_old and response.status == 200:
            return with_own_words(response.body, result="created, or it was there before")
        if response.unchecked:
            return with_own_words(response.body, note=UNCHECKED)
        return response.body

    async def respond(self, **changes: Any) -> Response:
        """Send the declared request and return the response, for operations whose status says what happened.

        Raises:
            Unavailable: if the body of a read holds no row of the resource.
            OutcomeUnknown: if the body of a write does not show the row it wrote.
        """
        operation = self.operation
        response = await self.sender.send(operation.request({**self.arguments, **changes}))
        if operation.options.answer.verbatim:
            return response
        return replace(response, body=operation.resource.require_rows(operation.method, response, operation.lists))


Handler: TypeAlias = Callable[Concatenate[Call, P], Awaitable[R]]


@dataclass(frozen=True, eq=False)
class Operation(Generic[P, R]):
    """A documented operation of the API: its route, its parameters (the handler's), and the handler that runs it."""

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
        return self.options.title or self.name.replace("_", " ").capitalize()

    @property
    def description(self) -> str:
        """The handler's docstring on one line."""
        return " ".join((getdoc(self.handler) or "").split())

    @property
    def read_only(self) -> bool:
        return self.options.read_only

    @property
    def destructive(self) -> bool:
        return self.options.destructive

    @property
    def idempotent(self) -> bool:
        return self.options.idempotent

    @property
    def lists(self) -> bool:
        """Whether it returns a list of rows rather than a single one."""
        return self.method == "GET" and not self.path.endswith("}") and not self.options.answer.is_single

    @property
    def views(self) -> tuple[str, ...]:
        """The arguments that choose how much of the rows is shown (`detail`, `fields`); no handler sees them."""
        if self.method != "GET" or self.resource.plane != "api" or self.options.answer.is_single:
            return ()
        if self.options.encoding.raw:
            return ("detail",)
        return ("detail", "fields") if self.lists else ("detail",)

    @cached_property
    def signature(self) -> Signature:
        """The signature a caller sees: the handler's without the leading `call`."""
        full = signature(self.handler)
        return full.replace(parameters=list(full.parameters.values())[1:])

    @property
    def required(self) -> list[str]:
        """The parameters without a default."""
        return [p.name for p in self.signature.parameters.values() if p.default is p.empty]

    @cached_property
    def values(self) -> Mapping[str, str]:
        """The parameters that hold a value for a record, each with the parameter that names that record."""
        marks = {name: find_mark(p.annotation, ValueOf) for name, p in self.signature.parameters.items()}
        return {name: value.parameter for name, value in marks.items() if value}

    @cached_property
    def references(self) -> Mapping[str, Ref]:
        """The parameters that take a name or an id, each with what it refers to."""
        marks = {name: find_mark(p.annotation, Ref) for name, p in self.signature.parameters.items()}
        return {name: ref for name, ref in marks.items() if ref}

    def names_target(self, parameter: str) -> bool:
        """Return whether this parameter names the record that is changed or deleted."""
        return self.method in ("PUT", "DELETE") and f"{{{parameter}}}" in self.path

    def name_argument(self, arguments: Mapping[str, Any]) -> tuple[str, str]:
        """Return the argument that names a new record, and the name; ("name", "") if there is none."""
        candidates = ("email", "name", "title")
        return next(((p, str(arguments[p])) for p in candidates if arguments.get(p)), ("name", ""))

    def parameter(self, wire: str) -> str:
        """Return the parameter that carries an attribute of the API; the attribute itself if none does."""
        for name, parameter in self.signature.parameters.items():
            mark = find_mark(parameter.annotation, Wire)
            if wire == (mark.name if mark else camel(name)) and not self.names_target(name):
                return name
        return wire

    def run(
        self,
        sender: Sender,
        arguments: Mapping[str, Any],
        progress: Progress = no_progress,
        watch: CallClock = NO_DEADLINE,
    ) -> Awaitable[R]:
        """Run the handler with these arguments and the defaults, for the caller that `sender` belongs to."""
        handler = cast("Callable[..., Awaitable[R]]", self.handler)
        bound = self.signature.bind(**arguments)
        bound.apply_defaults()
        return handler(Call(sender, self, bound.arguments, progress, watch), **bound.arguments)

    def __call__(self, call: Call, *args: P.args, **kwargs: P.kwargs) -> Awaitable[R]:
        """Run inside the call of another operation, for the same caller."""
        return self.run(call.sender, self.signature.bind(*args, **kwargs).arguments, call.progress, call.watch)

    def request(self, arguments: Mapping[str, Any]) -> Request:
        """Return the request for these arguments.

        Arguments named in the path fill it; the others form the query of a GET or the body of a write. A DELETE has
        neither. None leaves an argument out.

        Raises:
            BadArguments: if a value cannot be a segment of the path.
        """
        path = re.sub(r"{(\w+)}", lambda found: self._path_segment(found[1], arguments.get(found[1])), self.path)
        attributes: Json = {}
        for name, value in arguments.items():
            if value is not None and f"{{{name}}}" not in self.path:
                attributes |= self._encode(name, value)
        if self.options.encoding.raw:
            return self._catalogue_request(path, attributes)
        plane = self.resource.plane
        match self.method:
            case "GET":
                query = {**self.options.encoding.query, **{key: str(value) for key, value in attributes.items()}}
                return Request("GET", path, query, plane=plane, repeatable=True, operation=self.name)
            case "DELETE":
                return Request(
                    "DELETE",
                    path,
                    plane=plane,
                    repeatable=True,
                    may_be_empty=True,
                    operation=self.name,
                    shown_at=self._fill(self.options.effects.shown_at, arguments),
                )
            case _:
                return Request(
                    self.method,
                    path,
                    body={self.resource.singular: attributes} if self.resource.api.wrapped else attributes,
                    plane=plane,
                    repeatable=self.idempotent,
                    may_be_empty=self.method == "PUT" and self.resource.api.quiet,
                    operation=self.name,
                )

    def _catalogue_request(self, path: str, attributes: Json) -> Request:
        """Return the request of a catalogue operation, whose query and body are independent of the method.

        A list in the query repeats its key.
        """
        marks = [find_mark(parameter.annotation, InQuery) for parameter in self.signature.parameters.values()]
        in_query = set(attributes) if self.method == "GET" else {mark.name for mark in marks if mark}
        body: Json | None = None
        if self.method not in ("GET", "DELETE"):
            body = self._catalogue_body({key: value for key, value in attributes.items() if key not in in_query})
        warnings = self.options.effects.warns.items()
        return Request(
            self.method,
            path,
            {key: query_value(value) for key, value in attributes.items() if key in in_query},
            body,
            repeatable=self.idempotent,
            may_be_empty=self.method not in ("POST", "GET"),
            operation=self.options.encoding.counts_as or self.name,
            raw=True,
            warning=" ".join(reason for key, reason in warnings if key in attributes),
        )

    def _catalogue_body(self, attributes: Json) -> Json:
        if self.options.encoding.bare:
            return {LIST_BODY: next(iter(attributes.values()), None) or []}
        wrapper = self.options.encoding.wrapper
        return {wrapper: attributes} if wrapper else attributes

    def _fill(self, path: str, arguments: Mapping[str, Any]) -> str:
        """Return a path with the ids of these arguments; "" if one is missing."""
        names = re.findall(r"{(\w+)}", path)
        if any(arguments.get(name) is None for name in names):
            return ""
        return re.sub(r"{(\w+)}", lambda found: self._path_segment(found[1], arguments[found[1]]), path)

    def _path_segment(self, name: str, value: Any) -> str:
        parameter = self.signature.parameters.get(name)
        is_text = parameter is not None and find_mark(parameter.annotation, PathText) is not None
        return text_segment(name, value) if is_text else id_segment(name, value)

    def _encode(self, name: str, value: Any) -> Json:
        """Return the attributes of the API that carry an argument."""
        parameter = self.signature.parameters.get(name)
        wire = find_mark(parameter.annotation, Wire) if parameter else None
        return wire.encode(value) if wire else {camel(name): value}


def id_segment(name: str, value: Any) -> str:
    """Return an id as one segment of a path.

    Raises:
        BadArguments: if the value could be more than one segment.
    """
    text = str(value)
    if not ID.fullmatch(text):
        raise BadArguments(f"{name}: {text[:80]!r} is not an id.")
    return quote(text, safe="")


def text_segment(name: str, value: Any) -> str:
    """Return an e-mail address or a name as one segment of a path.

    Raises:
        BadArguments: if the value could be more than one segment.
    """
    text = str(value)
    if not PATH_TEXT.fullmatch(text):
        raise BadArguments(f"{name}: {text[:80]!r} cannot stand in a path.")
    return text


def query_value(value: Any) -> str | tuple[str, ...]:
    """Return a value as a query parameter: a list as several values, a flag as 1 or 0."""
    if isinstance(value, list):
        return tuple(str(item) for item in cast("list[Any]", value))
    return str(int(value) if isinstance(value, bool) else value)


async def gather_payloads(*reads: Awaitable[Json]) -> Json:
    """Run several reads at once and return their payloads merged; the first failure is raised."""
    return {key: value for payload in await gather(reads) for key, value in payload.items()}


async def all_pages(call: Call, read: Callable[[int], Awaitable[Json]], most: int) -> Json:
    """Return the payloads of `read(offset)` merged, `most` rows at the most, in whole pages of `PAGE`.

    The first page is read alone, since it holds the total; the others are read at once.
    """
    payloads: dict[int, Json] = {}

    async def fetch(offset: int) -> Page:
        payload = payloads[offset] = await read(offset)
        if not offset:
            await call.progress(min(PAGE, total_of(payload)), total_of(payload))
        rows = [as_objects(value) for value in payload.values()]
        return Page(max(rows, key=len), total_of(payload))

    async for _ in batches(fetch, most, at_once=most):
        pass
    first = payloads[0]
    lists = [key for key, value in first.items() if isinstance(value, list)]
    whole = [payloads[offset] for offset in sorted(payloads)]
    return first | {key: [row for page in whole for row in as_objects(page.get(key))] for key in lists}


def own_words(payload: Json) -> Json:
    """Return our own words in a payload, by key; {} if there are none."""
    words: Json = payload.get(OWN_WORDS, {})
    return words


def with_own_words(payload: Json, **words: Any) -> Json:
    """Return the payload with our own words added: `result`, `note`, and figures that no row holds."""
    return payload | {OWN_WORDS: own_words(payload) | words}
