"""Errors as facts that a sentence can be made of.

ToolError
├── BadArguments          the call itself: an argument is unknown, missing, malformed or contradicts another
├── NoSuchName            a name or id that matches nothing
├── SeveralNames          a name that matches several things
├── SeveralAccounts       a write while several accounts are connected and none was chosen
├── Unconfirmed           a write that the confirmation policy stops; nothing was sent
├── ConfirmationRequired  the same with its preview and its token, as the caller gets it
└── GatewayError          a request was made and did not do what it should
    ├── RequestRefused    the API understood the request and refused it (4xx)
    │   ├── NotFound
    │   ├── Duplicate
    │   └── Forbidden
    ├── KeyRefused        the key is missing, wrong or expired
    ├── NotConnected      the key has no ActiveCampaign connection that can be used
    ├── NotTheApi         the address answers, but not as the API does; nothing was changed
    ├── Throttled         too many requests; `retry_after` says for how long
    │   └── Busy          our own queue for the limit is longer than the call may take; nothing was sent
    ├── Unavailable       the other side failed, could not be reached or made no sense; nothing was changed
    └── OutcomeUnknown    a write was sent and its answer got lost: it may have landed

An error that was raised is never changed. Whoever knows more about it raises a copy: `raise error.but(done=…)`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Literal, Self, TypeAlias

Answerer: TypeAlias = Literal["ActiveCampaign", "Maton", "ActiveCampaign or Maton"]


class ToolError(Exception):
    """Whatever the model is told instead of an answer."""

    done: tuple[str, ...] = ()
    """The writes that the same call had made before, such as "POST /tags (id 3)"."""
    about: Any = None
    """The operation and arguments of an inner call that failed; None if the call itself did."""
    late = False
    """Whether the call ran out of its own time: a caller with more time may still succeed."""

    def copy(self) -> Self:
        """Return an equal error, so that one exception object is raised in one place only."""
        clone = type(self).__new__(type(self), *self.args)
        clone.__dict__.update(self.__dict__)
        return clone

    def but(self, **attributes: Any) -> Self:
        """Return a copy in which these attributes have other values."""
        clone = self.copy()
        for name, value in attributes.items():
            setattr(clone, name, value)
        return clone


class BadArguments(ToolError):
    """Arguments that no call can be made with.

    `fixed` holds arguments that would be accepted, if that is more than a guess. With `example` some of their values
    are made up and have to be replaced. `replacement` is a call of another tool that does what the caller meant.
    """

    def __init__(
        self,
        message: str,
        fixed: Mapping[str, Any] | None = None,
        *,
        example: bool = False,
        replacement: tuple[str, Mapping[str, Any]] | None = None,
    ) -> None:
        super().__init__(message)
        self.fixed, self.example, self.replacement = fixed, example, replacement


@dataclass(frozen=True, slots=True)
class Candidate:
    """One thing that a name may stand for."""

    id: str
    name: str
    detail: str = ""
    """What tells it from its namesakes, such as the pipeline of a stage."""


class NoSuchName(ToolError):
    """A name or id that matches nothing.

    `closest` are the most similar names; `surely` is the one of them that was meant, if that is no guess. `also` are
    other names of the same call that are just as surely wrong.
    """

    also: "tuple[NoSuchName, ...]" = ()

    def __init__(
        self,
        parameter: str,
        kind: str,
        name: str,
        closest: Sequence[Candidate] = (),
        *,
        surely: Candidate | None = None,
        within: str = "",
    ) -> None:
        super().__init__(f"No {kind} is called {name!r}")
        self.parameter, self.kind, self.given, self.closest = parameter, kind, name, tuple(closest)
        self.surely, self.within = surely, within


class SeveralNames(ToolError):
    """A name that matches several things; `matches` are they."""

    def __init__(self, parameter: str, kind: str, name: str, matches: Sequence[Candidate]) -> None:
        super().__init__(f"{len(matches)} things are called {name!r}")
        self.parameter, self.kind, self.given, self.matches = parameter, kind, name, tuple(matches)


class SeveralAccounts(ToolError):
    """A write that could reach more than one account."""

    def __init__(self, connections: Sequence[Candidate]) -> None:
        super().__init__("Several ActiveCampaign accounts are connected and none is chosen")
        self.connections = tuple(connections)


class Unconfirmed(ToolError):
    """A write that the confirmation policy stops before it is sent.

    It never leaves `calls.execute`, which adds a preview and a token: see ConfirmationRequired.
    """

    def __init__(self, reasons: Sequence[str]) -> None:
        super().__init__("; ".join(reasons))
        self.reasons = tuple(reasons)


class ConfirmationRequired(ToolError):
    """A call that waits for a person's confirmation.

    `preview` is the answer of preview_change for it, `fingerprint` the hash of the part that a confirmation covers, and
    `token` the argument of confirm_change.
    """

    def __init__(self, reasons: Sequence[str], preview: Mapping[str, Any], fingerprint: str, token: str) -> None:
        super().__init__("; ".join(reasons))
        self.reasons, self.preview, self.fingerprint, self.token = tuple(reasons), preview, fingerprint, token


def most_relevant(wrong: Sequence[NoSuchName | SeveralNames]) -> NoSuchName | SeveralNames:
    """Return the one of several wrong names of a call that the caller should hear of.

    It is the first that needs a look; if all have a sure correction, the first of them with the others in `also`.
    """
    unsure = next((error for error in wrong if isinstance(error, SeveralNames) or error.surely is None), None)
    if unsure is not None:
        return unsure
    first, *others = [error for error in wrong if isinstance(error, NoSuchName)]
    return first.but(also=tuple(others))


class GatewayError(ToolError):
    """A request that failed. `request_id` is the other side's own id of the exchange; "" if it gave none."""

    sent_at: float | None = None
    """When the request left, in seconds of the gateway's clock; None if it did not."""
    is_quoted = False
    """Whether its text is the other side's own: it is shown as a JSON string then."""
    answered_by: Answerer = "ActiveCampaign"
    """Whose answer it is, as far as the answer shows."""

    def __init__(self, message: str, *, status: int = 0, request_id: str = "") -> None:
        super().__init__(message)
        self.status, self.request_id = status, request_id


class NotTheApi(GatewayError):
    """A web page or a redirect came in place of an answer: the address is wrong, or the account has ended."""

    leads_to = ""
    """The host that a redirect leads to; "" without one."""


class RequestRefused(GatewayError):
    """A 4xx, or a 2xx whose body says that it failed.

    `field` is the API's name of the attribute it is about, `code` the API's own word for the reason.
    """

    rows: Mapping[int, str] = MappingProxyType({})
    """For records that were sent together: the reason for each wrong one, by its place from 0."""

    def __init__(self, message: str, *, status: int = 0, request_id: str = "", field: str = "", code: str = "") -> None:
        super().__init__(message, status=status, request_id=request_id)
        self.field, self.code = field, code


class NotFound(RequestRefused):
    """The record, or the route, does not exist."""


class Duplicate(RequestRefused):
    """A record of that name or address exists already."""

    existing: Candidate | None = None
    """The record that exists, if it could be found."""


class Forbidden(RequestRefused):
    """The key may not do this, or the plan of the account does not include it."""


class KeyRefused(GatewayError):
    """The key is missing, wrong or expired."""

    repeated = False
    """Whether the key was refused a moment ago; nothing was sent this time."""


class NotConnected(GatewayError):
    """The key has no connection that can be used."""

    repeated = False
    """Whether the connection was refused a moment ago; nothing was sent this time."""


class Throttled(GatewayError):
    """Too many requests. `retry_after` is in seconds; None if the other side did not say."""

    until: datetime | None = None
    """When requests are allowed again."""
    budget_state = ""
    """How many slots are free or how long the budget is paused, in words."""
    limit = 5
    """Requests a second of the account, or of the Maton key."""

    def __init__(self, message: str, *, status: int = 429, request_id: str = "", retry_after: float | None = None):
        super().__init__(message, status=status, request_id=request_id)
        self.retry_after = retry_after


class Busy(Throttled):
    """Our own queue is too long; `waiting` is how many requests are in it. Nothing was sent."""

    def __init__(self, message: str, *, waiting: int = 0, retry_after: float | None = None):
        super().__init__(message, status=0, retry_after=retry_after)
        self.waiting = waiting


class Unavailable(GatewayError):
    """The other side could not answer. `arrived` is False if the request surely never reached it."""

    retry_after: float | None = None
    """Seconds after which the other side asks to be tried again."""
    lasting = False
    """Whether the next try would fail the same way."""
    is_ours = False
    """Whether this server is the one that cannot, not ActiveCampaign."""
    host = ""
    """The host that could not be reached; "" if it was."""

    def __init__(self, message: str, *, status: int = 0, request_id: str = "", arrived: bool = True) -> None:
        super().__init__(message, status=status, request_id=request_id)
        self.arrived = arrived


class OutcomeUnknown(GatewayError):
    """A write that may or may not have landed."""

    answered = False
    """Whether there was an answer, but one that does not show what was done."""
    watched = False
    """Whether the same call, made once more, first looks for what this one may have done."""


def journal_unavailable(reason: str) -> Unavailable:
    """Return the error for a shared journal that cannot be written: the write it should record is not made."""
    return Unavailable(f"the journal cannot be shared with the other replicas ({reason})", arrived=False).but(
        is_ours=True
    )
