"""What a block may say of an operation beyond its route."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypedDict

from ac_mcp.messages import Json

if TYPE_CHECKING:
    from ac_mcp.spec.operation import Operation
    from ac_mcp.spec.resource import Resource


class Options(TypedDict, total=False):
    """What a block may say beyond its route. Annotations follow from the method unless stated."""

    title: str
    """What people read of it in their host, where the name says too little."""
    read_only: bool
    destructive: bool
    idempotent: bool
    tool: bool
    """False for a step that only other operations take."""
    large: bool
    """Its arguments may hold a whole table."""
    extra: bool
    """A tool that a server has only where it is asked for."""
    query: Mapping[str, str]
    """Sent with every request."""
    shows: "tuple[Resource, ...]"
    """What else of the payload the answer shows beside the operation's own resource."""
    brief: "Mapping[str, tuple[str, ...]]"
    """Which columns of those are enough here, by plural."""
    single: bool
    """It answers with one thing although its path names none."""
    asks: Callable[[Json, Json], str]
    """Why it waits for a yes, from the body of its request and what stands where it goes; empty where it need not."""
    starts: str
    """When automations start on it: "when this tag is added"."""
    reports: tuple[str, ...]
    """The webhook events it causes (reference 11)."""
    verbatim: bool
    """Its payload is the answer as it is."""
    names: Mapping[str, str]
    """Which keys anywhere in such an answer hold an id, and of what: the name is put before it."""
    for_writing: bool
    """It reads, but is of no use to somebody who cannot write."""
    kept: bool
    """Its answer is believed for a minute, or until something is written from here."""
    unique: bool
    """A second thing of the same name is refused here, where the API would take it."""
    implied: Mapping[str, tuple[str, ...]]
    """Arguments it has not, with the values that say what it does anyway: with those they are no mistake."""
    understands: Mapping[str, Callable[[Json], Json | None]]
    """Arguments it has not, each with what all that was given says instead."""
    reveals: Callable[[Json], str]
    """What of the account's free text these arguments would bring out; empty where nothing."""
    raw: bool
    """It is one of the catalogue's: its answer is trimmed by general rules."""
    warns: Mapping[str, str]
    """Attributes with which it waits for a yes, and why."""
    step: str
    """The step of this product that sends the same request: its writes count as that one's."""
    bare: bool
    """Its body is a list."""
    wrapper: str
    """The key its body is wrapped in, where that is not the resource's."""
    blind: bool
    """What stands where it writes cannot be read."""
    irreversible: bool
    """Nothing can be derived that would take it back."""
    moves: str
    """It moves all that this query finds from the thing its path names to another one."""
    resumable: bool
    """The same call again finishes what broke off in the middle."""
    listed: tuple[str, ...]
    """Which of `detail` and `fields` its schema lists: where a summary often is not enough, or rows are long."""
    says: Mapping[str, Json]
    """Our own words in its answer, beside `result` and `note`, each with its JSON Schema."""
    quotes: tuple[str, ...]
    """Which of those hold what somebody else has written."""
    duplicate: "Operation[..., Any]"
    """What to offer when the thing exists already; without it the operation that reads it."""
