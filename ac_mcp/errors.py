"""What can go wrong, as facts a sentence can be made of.

Trouble
├── BadArguments     the call itself: an argument is unknown, missing, malformed or contradicts another
├── NoSuchName       a name or id that nothing answers to
├── SeveralNames     a name that several things answer to
├── SeveralAccounts  a write while several accounts are connected and none was chosen
├── NeedsYes         a write that somebody has to agree to; nothing was sent
└── GatewayError     a request was made and did not do what was asked
    ├── Refused      it was understood and turned down (4xx)
    │   ├── NotFound
    │   ├── Duplicate
    │   └── Forbidden
    ├── KeyRefused   the key is missing, wrong or expired
    ├── NotConnected the key has no ActiveCampaign connection that can be used
    ├── Throttled    too many requests; `retry_after` says for how long
    │   └── Busy     our own queue for the limit is longer than the call may take; nothing was sent
    ├── Unavailable  the other side failed, could not be reached or made no sense; nothing was changed
    └── OutcomeUnknown   a write was sent and its answer got lost: it may have landed
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Self


class ToolError(Exception):
    """Anything that is told to the model instead of an answer."""

    done: tuple[str, ...] = ()
    """What the same call had written before, so that nobody believes nothing happened."""
    about: Any = None
    """The operation and the arguments it is about, where those are not of the call itself."""
    late = False
    """It ran out of its own time: somebody with more of it may still succeed."""

    def copy(self) -> Self:
        """The same for somebody else: one exception is raised in one place only."""
        clone = type(self).__new__(type(self), *self.args)
        clone.__dict__.update(self.__dict__)
        return clone


class BadArguments(ToolError):
    """`fixed` holds arguments that would be accepted, where that is more than a guess."""

    replacement: "tuple[str, Mapping[str, Any]] | None" = None
    """A call of another tool that does what was wanted."""

    def __init__(self, message: str, fixed: Mapping[str, Any] | None = None, *, example: bool = False) -> None:
        super().__init__(message)
        self.fixed = fixed
        self.example = example
        """Some values in `fixed` are made up and have to be replaced."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One thing a name may have meant."""

    id: str
    name: str
    detail: str = ""


class NoSuchName(ToolError):
    """`closest` are the most alike; `surely` is the one of them that was meant, where that is no guess."""

    also: "tuple[NoSuchName, ...]" = ()
    """Other names of the same call that are wrong as surely."""

    def __init__(
        self,
        parameter: str,
        kind: str,
        given: str,
        closest: Sequence[Candidate] = (),
        *,
        surely: Candidate | None = None,
        within: str = "",
    ) -> None:
        super().__init__(f"No {kind} is called {given!r}")
        self.parameter, self.kind, self.given, self.closest = parameter, kind, given, tuple(closest)
        self.surely, self.within = surely, within


class SeveralNames(ToolError):
    def __init__(self, parameter: str, kind: str, given: str, matches: Sequence[Candidate]) -> None:
        super().__init__(f"{len(matches)} things are called {given!r}")
        self.parameter, self.kind, self.given, self.matches = parameter, kind, given, tuple(matches)


class SeveralAccounts(ToolError):
    def __init__(self, connections: Sequence[Candidate]) -> None:
        super().__init__("Several ActiveCampaign accounts are connected and none is chosen")
        self.connections = tuple(connections)


class ConfirmationRequired(ToolError):
    """`preview` is what would happen, `seen` its fingerprint, once it was rehearsed; `token` confirms it."""

    preview: Mapping[str, Any] | None = None
    fingerprint = ""
    token = ""

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = tuple(reasons)


def most_relevant(wrong: Sequence[NoSuchName | SeveralNames]) -> NoSuchName | SeveralNames:
    """Several wrong names of one call: the first that needs a look, else one that knows of the others."""
    unsure = next((one for one in wrong if isinstance(one, SeveralNames) or one.surely is None), None)
    if unsure is None:
        first, *others = [one for one in wrong if isinstance(one, NoSuchName)]
        first.also = tuple(others)
        return first
    return unsure


class GatewayError(ToolError):
    """`request_id` is the other side's own id of the exchange, where it gave one."""

    sent_at: float | None = None
    """When the request left, on the gateway's clock; None if it did not."""

    def __init__(self, message: str, *, status: int = 0, request_id: str = "") -> None:
        super().__init__(message)
        self.status, self.request_id = status, request_id


class RequestRefused(GatewayError):
    """`field` is the wire name of the attribute it was about; `code` the API's own word for why."""

    rows: Mapping[int, str] = MappingProxyType({})
    """Of several records sent together, which were wrong and why, by their place."""

    def __init__(self, message: str, *, status: int = 0, request_id: str = "", field: str = "", code: str = "") -> None:
        super().__init__(message, status=status, request_id=request_id)
        self.field, self.code = field, code


class NotFound(RequestRefused):
    pass


class Duplicate(RequestRefused):
    existing: "Candidate | None" = None
    """What is there already, where it could be found."""


class Forbidden(RequestRefused):
    pass


class KeyRefused(GatewayError):
    repeated = False
    """It was refused a moment ago; this time nothing was sent."""


class NotConnected(GatewayError):
    repeated = False


class Throttled(GatewayError):
    """`until` is the moment it allows requests again, `standing` how the budget stood, for whoever has to wait."""

    until: datetime | None = None
    budget_state = ""
    limit = 5
    """Requests a second: of an account, or of a Maton key."""

    def __init__(self, message: str, *, status: int = 429, request_id: str = "", retry_after: float | None = None):
        super().__init__(message, status=status, request_id=request_id)
        self.retry_after = retry_after


class Busy(Throttled):
    def __init__(self, message: str, *, waiting: int = 0, retry_after: float | None = None):
        super().__init__(message, status=0, retry_after=retry_after)
        self.waiting = waiting


class Unavailable(GatewayError):
    """`arrived` is False where the request surely never reached the other side."""

    retry_after: float | None = None
    lasting = False
    """It would be the same the next time."""
    is_ours = False
    """It is this server that cannot, not ActiveCampaign."""

    def __init__(self, message: str, *, status: int = 0, request_id: str = "", arrived: bool = True) -> None:
        super().__init__(message, status=status, request_id=request_id)
        self.arrived = arrived


class OutcomeUnknown(GatewayError):
    answered = False
    """There was an answer, but it does not show what was done."""
    watched = False
    """The same call, made again, first looks whether this one was done."""


def journal_unavailable(why: str) -> Unavailable:
    """A shared journal cannot be kept: what was to be noted in it is not done."""
    error = Unavailable(f"the journal cannot be shared with the other replicas ({why})", arrived=False)
    error.is_ours = True
    return error
