"""The base of all bulk steps: look at a hundred records at once, change one, and take a change back.

The prior states of a hundred records are one query by their ids, so that records that need no change cost next to
nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ac_mcp.filters.contact_query import ContactQuery
from ac_mcp.messages import Json, Request, Response, Sender, as_objects
from ac_mcp.operations import STEPS
from ac_mcp.spec.operation import Operation

Idle = str
"""The outcome of a record that needs no change, in words."""
NOT_KEPT, CHANGED = "what stood there was not kept", "changed again since, left as it is"
"""Outcomes of a record that an undo leaves as it is: its prior state was not stored, or it was changed since."""


@dataclass(frozen=True, slots=True)
class Done:
    """The outcome of one record, and the data to undo it; `undo_data` is None if nothing was changed."""

    outcome: str
    undo_data: Json | None = None


@dataclass(slots=True)
class Step:
    """One change that a job makes to every record."""

    sender: Sender
    id: str = ""
    """The id of the tag, list or automation that the step is about."""
    name: str = ""
    """The name of that tag, list or automation."""
    prior: dict[str, Any] = field(default_factory=dict[str, Any])
    """The prior states of records that were looked at, by subject."""
    tool: str = ""
    """The name of the operation that makes the same change to one record."""
    idle_outcome: str = ""
    """The outcome of a record that already is as the step would make it."""
    done_outcome: str = ""
    """The outcome of a record that was changed."""
    cost: float = 1.0
    """Requests for one record."""
    record_count: int = 0
    """About how many records the job has."""

    async def find_unaffected(self, subjects: Sequence[str]) -> Mapping[str, Idle]:
        """Return the records that need no change, with their outcome; note the prior states of the others."""
        return {}

    async def recheck(self, subject: str) -> Idle:
        """Look at one record anew and return its outcome if it needs no change, else ""."""
        return (await self.find_unaffected([subject])).get(subject, "")

    def recovery_data(self, subject: str) -> Json | None:
        """Return the data that `recover` needs if the answer about a record is lost; None if it needs none."""
        return {"prior": self.prior[subject]} if subject in self.prior else None

    async def recover(self, subject: str, saved: Json | None) -> Done | None:
        """Return the outcome of a record that an earlier process has begun; None if the step is still to be applied.

        `saved` is what `recovery_data` returned then.
        """
        outcome = await self.recheck(subject)
        if outcome == self.idle_outcome:
            return Done(self.done_outcome, self.undo_data((saved or {}).get("prior")))
        return Done(outcome) if outcome else None

    def undo_data(self, prior: Any) -> Json:
        """Return the data that `revert` needs, from the prior state of a record."""
        return {}

    async def apply(self, subject: str) -> Done:
        """Change one record and return its outcome."""
        raise NotImplementedError

    async def revert(self, subject: str, saved: Json) -> str:
        """Take the change of one record back and return the outcome; `saved` is its undo data."""
        raise NotImplementedError

    @property
    def operation(self) -> Operation[..., Any]:
        """The operation that makes the same change to one record."""
        return STEPS[self.tool]

    async def find_unproven(self, subjects: Sequence[str]) -> set[str]:
        """Return those of a hundred changed records that the account still shows as they were.

        The body of an answer to a DELETE proves nothing, so the steps that remove something look once more.
        """
        return set()

    async def write(self, request: Request) -> Response:
        """Send a write and return its answer.

        Raises:
            OutcomeUnknown: if the answer does not show the row that was written.
            ToolError: if it failed.
        """
        response = await self.sender.send(request)
        STEPS[request.operation].resource.require_rows(request.method, response)
        return response

    async def fetch_rows(self, path: str, key: str, **query: str) -> list[Json]:
        """Return the rows under `key` of the answer to a GET request."""
        response = await self.sender.send(Request("GET", path, query, repeatable=True))
        return as_objects(response.body.get(key))

    async def find_matching(self, query: Mapping[str, str], subjects: Sequence[str]) -> set[str]:
        """Return the ids of those of a hundred contacts that a query finds."""
        rows = await ContactQuery(self.sender, ()).find_matching(query, [int(subject) for subject in subjects])
        return {str(row.get("id")) for row in rows}
