"""The options of a block: what it says of an operation beyond its route.

    @tags.post("/tags", title="Create a tag", effects=Effects(unique=True), answer=Answer(says={"note": TEXT}))

Each group answers one question: who is offered the tool, what its answer holds, what its request changes, how the
request is encoded, and which arguments it understands.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypedDict

from ac_mcp.messages import Json

if TYPE_CHECKING:
    from ac_mcp.spec.operation import Operation
    from ac_mcp.spec.resource import Resource


@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """Who is offered the operation as a tool."""

    as_tool: bool = True
    """False for an internal operation, which only other operations run."""
    on_request: bool = False
    """Whether a server has the tool only if a setting names it or its toolset."""
    for_writing: bool = False
    """Whether a tool that reads is of no use to a caller who cannot write."""
    takes_tables: bool = False
    """Whether its arguments may hold a whole table."""
    lists_views: tuple[str, ...] = ()
    """Which of `detail` and `fields` its schema lists, where a summary is often not enough or rows are long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What the answer holds."""

    beside: "tuple[Resource, ...]" = ()
    """The resources of the payload that the answer shows beside the operation's own."""
    brief: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """The names of the columns that are enough for those, by plural."""
    is_single: bool = False
    """Whether it is about one record although the path names none."""
    verbatim: bool = False
    """Whether the payload is the answer as it is."""
    names: Mapping[str, str] = field(default_factory=dict[str, str])
    """The keys of a verbatim answer that hold an id, and the kind of it: the name is put before the id."""
    says: Mapping[str, Json] = field(default_factory=dict[str, Json])
    """Our own words in it beside `result` and `note`, each with its JSON Schema."""
    quotes: tuple[str, ...] = ()
    """The keys of `says` that hold text which people wrote."""
    cached: bool = False
    """Whether it is believed for a minute, or until something is written from here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Effects:
    """What the request changes, and what the audit log, the confirmation and the undo have to know of it."""

    asks: Callable[[Json, Json], str] | None = None
    """Returns why it waits for a confirmation, from the attributes and the before image; "" if it need not."""
    warns: Mapping[str, str] = field(default_factory=dict[str, str])
    """The attributes with which it waits for a confirmation, and why."""
    starts: str = ""
    """When automations start on it, such as "when this tag is added"."""
    reports: tuple[str, ...] = ()
    """The webhook events that it causes (reference 11)."""
    unique: bool = False
    """Whether a second record of the same name is refused here, where the API would create it."""
    duplicate: "Operation[..., Any] | None" = None
    """The operation to suggest when the record exists already; without it the one that reads it."""
    blind: bool = False
    """Whether the record that it writes cannot be read."""
    irreversible: bool = False
    """Whether no undo can be derived for it."""
    shown_at: str = ""
    """The path of a list that shows the record which it deletes, while it is there: for records that have no GET."""
    moves: str = ""
    """The query parameter that finds the records which it moves from the record in its path to another one."""
    resumable: bool = False
    """Whether the same call finishes what broke off in the middle."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Encoding:
    """How the request is encoded."""

    query: Mapping[str, str] = field(default_factory=dict[str, str])
    """Query parameters of every request."""
    raw: bool = False
    """Whether the operation is the catalogue's: its answer is shaped by general rules."""
    bare: bool = False
    """Whether the body is a list."""
    wrapper: str = ""
    """The key that wraps the body, if it is not the resource's."""
    counts_as: str = ""
    """The operation of ours that sends the same request: its writes are recorded as that one's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Understood:
    """Arguments that are understood although the operation does not have them."""

    implied: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])
    """Arguments with the values that say what the operation does anyway: with those they are no mistake."""
    instead: Mapping[str, Callable[[Json], Json | None]] = field(
        default_factory=dict[str, Callable[[Json], "Json | None"]]
    )
    """Arguments, each with a function that returns what all arguments of the call say instead."""
    reveals: Callable[[Json], str] | None = None
    """Returns which free text of the account these arguments would bring out; "" if none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """All options of a block. The annotations follow from the method unless they are stated."""

    title: str = ""
    """The title that people read in their host, where the name says too little."""
    read_only: bool = False
    destructive: bool = False
    idempotent: bool = False
    offered: Offered = Offered()
    answer: Answer = Answer()
    effects: Effects = Effects()
    encoding: Encoding = Encoding()
    understood: Understood = Understood()


class BlockOptions(TypedDict, total=False):
    """The keyword arguments of a block."""

    title: str
    read_only: bool
    destructive: bool
    idempotent: bool
    offered: Offered
    answer: Answer
    effects: Effects
    encoding: Encoding
    understood: Understood
