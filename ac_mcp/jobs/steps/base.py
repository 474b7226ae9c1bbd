"""What a job does with one record: each step looks at a hundred at once, does one, and can take it back.

Prior states are asked for by a query for a hundred ids, so that who has it already costs next to nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ac_mcp.filters.contact_query import ContactQuery
from ac_mcp.messages import Json, Request, Sender, as_objects
from ac_mcp.operations import STEPS
from ac_mcp.spec.operation import Operation

Idle = str
"""What is said of a record that needs nothing."""
NOT_KEPT, CHANGED = "what stood there was not kept", "changed again since, left as it is"
"""What is said of a record that is not taken back."""


@dataclass(frozen=True, slots=True)
class Done:
    """What came of one record; `kept` is what it takes to undo it, None where nothing was changed."""

    outcome: str
    undo_data: Json | None = None


@dataclass(slots=True)
class Step:
    """One thing done to every record. `id` is what it is about, `name` what people call that."""

    sender: Sender
    id: str = ""
    name: str = ""
    prior: dict[str, Any] = field(default_factory=dict[str, Any])
    """What a look has found of a record."""
    tool: str = ""
    already: str = ""
    """What is said of a record that is so already."""
    word: str = ""
    """And of one that was changed."""
    cost: float = 1.0
    """Requests for one record."""
    many: int = 0
    """About how many records there are."""

    async def find_unaffected(self, subjects: Sequence[str]) -> Mapping[str, Idle]:
        """Those of these that need nothing, and why; of the others `prior` is known from now on."""
        return {}

    async def recheck(self, subject: str) -> Idle:
        """The same for one, asked anew; empty where there is something to do."""
        return (await self.find_unaffected([subject])).get(subject, "")

    def recovery_data(self, subject: str) -> Json | None:
        """What is to be known of it if its answer gets lost."""
        return {"prior": self.prior[subject]} if subject in self.prior else None

    async def recover(self, subject: str, kept: Json | None) -> Done | None:
        """What came of one whose answer nobody heard: the process died meanwhile. None if it is still to be done."""
        word = await self.recheck(subject)
        if word == self.already:
            return Done(self.word, self.undo_data((kept or {}).get("prior")))
        return Done(word) if word else None

    def undo_data(self, prior: Any) -> Json:
        """What it takes to undo it, from what stood there."""
        return {}

    async def apply(self, subject: str) -> Done:
        raise NotImplementedError

    async def revert(self, subject: str, kept: Json) -> str:
        """What came of taking it back."""
        raise NotImplementedError

    @property
    def operation(self) -> Operation[..., Any]:
        """The tool that does the same for one."""
        return STEPS[self.tool]

    async def rows(self, path: str, key: str, **query: str) -> list[Json]:
        reply = await self.sender.send(Request("GET", path, query, repeatable=True))
        return as_objects(reply.body.get(key))

    async def find_matching(self, query: Mapping[str, str], subjects: Sequence[str]) -> set[str]:
        """Those of a hundred contacts that a query finds."""
        found = await ContactQuery(self.sender, ()).find_matching(query, [int(one) for one in subjects])
        return {str(row.get("id")) for row in found}
