"""What travels: one exchange with the API as plain data, the caller it is made for, and the senders that carry it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from math import inf
from typing import Any, Literal, Protocol, TypeAlias, cast

Json: TypeAlias = dict[str, Any]
Method: TypeAlias = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Plane: TypeAlias = Literal["api", "v1", "control", "local"]
"""`api` is ActiveCampaign, `v1` its older API, `control` Maton's API of connections, `local` this server itself."""


LIST_BODY = ""
"""The key of a body that is a list: the API has a few of them (reference 2.1)."""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. `path` starts below the plane's base URL; a tuple in `query` repeats its key."""

    method: Method
    path: str
    query: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict[str, str | tuple[str, ...]])
    body: Json | None = None
    plane: Plane = "api"
    repeatable: bool = False
    """Whether sending it twice leaves the account as sending it once would."""
    may_be_empty: bool = False
    """Whether an empty body is an answer to it."""
    unshared: bool = False
    """Whether a read is sent although an equal one is under way."""
    operation: str = ""
    """The name of the operation that made it."""
    raw: bool = False
    """Whether the caller spelt it: the API may show the result in another spelling, so it cannot be looked for."""
    warning: str = ""
    """Why it waits for a confirmation, beside the reasons of its operation."""
    shown_at: str = ""
    """For a DELETE: the path of a list that shows the record while it is there; "" if the record has a path to read."""
    occurrence: int = 0
    """How many equal requests the same call made before it: two equal notes are two notes."""

    @property
    def json(self) -> Any:
        """The body as it is sent."""
        return self.body[LIST_BODY] if self.body and LIST_BODY in self.body else self.body


@dataclass(frozen=True, slots=True)
class Response:
    """A 2xx answer."""

    status: int
    body: Json
    repeated: bool = False
    """Whether an earlier try may have landed before this one: the status says nothing about the state before then."""
    id: str = ""
    """The other side's own id of the exchange; "" if it gave none."""
    reconciled: bool = False
    """Whether the answer got lost and the new record was looked up instead."""
    unchecked: bool = False
    """Whether a write was answered as done, and nothing could show whether it was."""
    chosen_is_gone: bool = False
    """For a list of connections: whether the one that the user chose is not in it."""

    def outcome(self, new: str, old: str) -> str:
        """Return `new` after a 201 and `old` after a 200, or both where a repeated request cannot tell."""
        return f"{new} or {old}" if self.repeated else new if self.status == 201 else old


@dataclass(frozen=True, slots=True)
class Caller:
    """For whom a request is made. The key never shows in a repr."""

    key: str = field(default="", repr=False)
    connection: str = ""
    """Maton's connection id; "" leaves the choice to Maton, which takes the oldest ACTIVE one."""
    chosen: bool = False
    """Whether the connection was chosen by name or id, and is not just the default."""
    principal: str = "local"
    """Who calls over HTTP; "local" on a desktop."""
    deadline: float = inf
    """When the call ends, in seconds of the gateway's clock: none of its requests may run past it."""
    call: str = ""
    """The tool call that the request is for: calls take turns."""
    connection_names: Mapping[str, str] = field(default_factory=dict[str, str], compare=False)
    """The names that this user gave connections, by connection id."""
    default_connection: str = field(default="", compare=False)
    """The connection of calls that name none, by id or name; "" for the oldest."""
    bulk: bool = False
    """Whether it is work on many records, which leaves a part of the rate limit to interactive calls."""


class Sender(Protocol):
    """Carries the requests of one call."""

    async def send(self, request: Request, /) -> Response: ...


class Progress(Protocol):
    """Is told how far a call is: `total` is None while it is not known."""

    async def __call__(self, done: float, total: float | None = None, message: str | None = None, /) -> None: ...


@dataclass(frozen=True, slots=True)
class CallClock:
    """The time of day for a call, and the seconds that are left of its own time."""

    now: Callable[[], datetime] = lambda: datetime.now().astimezone()
    seconds_left: Callable[[], float] = lambda: inf


NO_DEADLINE = CallClock()


def as_object(value: Any) -> Json:
    """Return a JSON object as it is, and {} for anything else: the API spells nothing in many ways."""
    return cast("Json", value) if isinstance(value, dict) else {}


def as_objects(value: Any) -> list[Json]:
    """Return the JSON objects of a list, and [] for anything else."""
    if not isinstance(value, list):
        return []
    return [cast("Json", item) for item in cast("list[Any]", value) if isinstance(item, dict)]


def as_int(value: Any) -> int:
    """Return a count however it is written, and 0 for what is none."""
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return 0


async def no_progress(done: float, total: float | None = None, message: str | None = None, /) -> None:
    """Report nothing: the client did not ask for progress."""
