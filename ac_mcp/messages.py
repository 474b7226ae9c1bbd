"""What travels: one exchange with the API as plain data, for whom it is made, and who carries it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from math import inf
from typing import Any, Literal, Protocol, TypeAlias, cast

Json: TypeAlias = dict[str, Any]
Method: TypeAlias = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Plane: TypeAlias = Literal["api", "control", "local"]
"""`api` is ActiveCampaign itself, `control` is where Maton keeps its connections, `here` is this server itself."""


LIST_BODY = ""
"""The key of a body that is a list: the API has a few of them (reference 2.1)."""


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP exchange. `path` starts below the plane's base URL; a tuple in `query` repeats its key."""

    method: Method
    path: str
    query: Mapping[str, str | tuple[str, ...]] = field(default_factory=dict[str, str | tuple[str, ...]])
    body: Json | None = None
    plane: Plane = "api"
    repeatable: bool = False
    """Sending it twice leaves the account as sending it once would."""
    may_be_empty: bool = False
    """Nothing at all is an answer to it."""
    unshared: bool = False
    """A read that does not join an equal one that began before it."""
    operation: str = ""
    """The operation it was made by."""
    raw: bool = False
    """As the caller spelt it: what comes of it may be spelt otherwise, so it cannot be looked for."""
    warning: str = ""
    """Why it waits for a yes, beside what its step says."""
    occurrence: int = 0
    """How many equal ones the same call means beside it: two equal notes are two notes."""

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
    """An earlier try may have landed before this one: its status tells nothing about before and after."""
    id: str = ""
    """The other side's own id of the exchange, where it gave one."""
    reconciled: bool = False
    """The answer got lost; what was made has been looked up."""

    def outcome(self, new: str, old: str) -> str:
        """Which of the two it was, where a request may find its work done already: 201 or 200."""
        return f"{new} or {old}" if self.repeated else new if self.status == 201 else old


@dataclass(frozen=True, slots=True)
class Caller:
    """For whom a request is made. The key never shows in a repr."""

    key: str = field(default="", repr=False)
    connection: str = ""
    """Maton connection id; empty leaves the choice to Maton (its oldest ACTIVE one)."""
    chosen: bool = False
    """The connection was chosen by name or id, not because it is the default one."""
    principal: str = "local"
    deadline: float = inf
    """On the gateway's clock, in seconds: no request of this call may run past it."""
    call: str = ""
    """Which tool call it is for: calls take turns."""
    sent: list[float] = field(default_factory=list[float], repr=False, compare=False)
    """When writes of this call left, on the gateway's clock; the gateway notes it, also for who is cancelled."""
    connection_names: Mapping[str, str] = field(default_factory=dict[str, str], compare=False)
    """What this user calls connections, by their id."""
    default_connection: str = field(default="", compare=False)
    """The connection of calls that name none, by id or name; empty for the oldest."""
    bulk: bool = False
    """Work on many records, which leaves a part of the limit to those who wait for an answer."""


class Sender(Protocol):
    """Whoever carries requests for one caller."""

    async def send(self, request: Request, /) -> Response: ...


class Progress(Protocol):
    async def __call__(self, done: float, total: float | None = None, message: str | None = None, /) -> None: ...


@dataclass(frozen=True, slots=True)
class CallClock:
    """What time it is for a call, and how many seconds of its own are left."""

    now: Callable[[], datetime] = lambda: datetime.now().astimezone()
    seconds_left: Callable[[], float] = lambda: inf


NO_DEADLINE = CallClock()


def as_object(value: Any) -> Json:
    """A JSON object; an empty one for anything else, since the API has many faces of nothing."""
    return cast("Json", value) if isinstance(value, dict) else {}


def as_objects(value: Any) -> list[Json]:
    """The JSON objects of a list; none for anything else."""
    return (
        [cast("Json", one) for one in cast("list[Any]", value) if isinstance(one, dict)]
        if isinstance(value, list)
        else []
    )


def as_int(value: Any) -> int:
    """A count, however it is written; 0 for what is none."""
    try:
        return int(value)
    except (TypeError, ValueError, OverflowError):
        return 0


async def no_progress(done: float, total: float | None = None, message: str | None = None, /) -> None:
    """Nobody asked how far we are."""
