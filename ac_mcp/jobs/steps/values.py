"""The steps that set values of many contacts or deals."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from time import monotonic
from typing import Any

from ac_mcp.filters.contact_query import PAGE, ContactQuery
from ac_mcp.jobs.steps.base import CHANGED, NOT_KEPT, Done, Idle, Step
from ac_mcp.messages import Json, Request, as_object
from ac_mcp.spec.values import is_same_value
from ac_mcp.writes.undo_requests import values_by_field

MAX_AGE = 60.0
"""Seconds for which all values of a field, once read, count as current."""
PLACE = {"group", "stage"}
"""A deal's pipeline and stage, which are only restored together."""


@dataclass(slots=True)
class Fields(Step):
    """Sets custom fields of contacts.

    All values of the fields are read at once if that takes fewer requests than one for each contact.
    """

    tool: str = "update_contact"
    idle_outcome: str = "already so"
    done_outcome: str = "changed"
    values: Mapping[str, str] = field(default_factory=dict[str, str])
    """The new values by field id."""
    all_values: dict[str, dict[str, str]] | None = None
    """All present values by contact and field id; None if there are too many to read at once."""
    fetched_at: float = -inf
    """When `all_values` were read, by `clock`."""
    clock: Callable[[], float] = monotonic

    async def find_unaffected(self, subjects: Sequence[str]) -> Mapping[str, Idle]:
        if self.clock() - self.fetched_at > MAX_AGE:
            self.all_values, self.fetched_at = await self._fetch_all_values(), self.clock()
        if self.all_values is not None:
            for subject in subjects:
                self.prior[subject] = self.all_values.get(subject, {})
        return {
            subject: self.idle_outcome
            for subject in subjects
            if subject in self.prior and self._is_unaffected(self.prior[subject])
        }

    async def recheck(self, subject: str) -> Idle:
        self.prior[subject] = await self._fetch_values(subject)
        return self.idle_outcome if self._is_unaffected(self.prior[subject]) else ""

    async def _fetch_values(self, subject: str) -> dict[str, str]:
        """Return the values of one contact by field id."""
        return values_by_field(await self.fetch_rows(f"/contacts/{subject}/fieldValues", "fieldValues"))

    async def _fetch_all_values(self) -> dict[str, dict[str, str]] | None:
        """Return all values of the fields by contact and field id; None if there are too many."""
        selection = ContactQuery(self.sender, ())
        queries = [{"filters[fieldid]": id} for id in self.values]
        if sum([await selection.count_values(query) for query in queries]) > PAGE * max(1, self.record_count):
            return None
        values: dict[str, dict[str, str]] = {}
        for row in [row for query in queries for row in await selection.values(query)]:
            values.setdefault(str(row.get("contact")), {})[str(row.get("field"))] = str(row.get("value") or "")
        return values

    def _is_unaffected(self, present: Mapping[str, str]) -> bool:
        """Return whether a contact with these values already has the new ones."""
        return all(is_same_value(value, present.get(id, "")) for id, value in self.values.items())

    def undo_data(self, prior: Any) -> Json:
        return {} if prior is None else {"was": {id: prior.get(id, "") for id in self.values}}

    async def apply(self, subject: str) -> Done:
        prior = self.prior.get(subject)
        if prior is None:
            prior = self.prior[subject] = await self._fetch_values(subject)
        if self._is_unaffected(prior):
            return Done(self.idle_outcome)
        await self.write(self.operation.request({"contact": subject, "fields": self.values}))
        return Done(self.done_outcome, self.undo_data(prior))

    async def revert(self, subject: str, saved: Json) -> str:
        if "was" not in saved:
            return NOT_KEPT
        present = await self._fetch_values(subject)
        restorable = {
            id: value for id, value in saved["was"].items() if is_same_value(self.values[id], present.get(id, ""))
        }
        if not restorable:
            return CHANGED
        await self.write(self.operation.request({"contact": subject, "fields": restorable}))
        is_complete = len(restorable) == len(saved["was"])
        return "restored" if is_complete else "partly restored: the rest was changed again since"


@dataclass(slots=True)
class Deal(Step):
    """Sets attributes of deals. The row that a list gave counts as current for a moment; then the deal is read."""

    tool: str = "update_deal"
    idle_outcome: str = "already so"
    done_outcome: str = "changed"
    changes: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """The new values by the parameters of the operation."""

    @property
    def api_changes(self) -> Json:
        """The new values by the names of the API."""
        return as_object((self.operation.request({"deal": "0", **self.changes}).body or {}).get("deal"))

    async def recheck(self, subject: str) -> Idle:
        self.prior[subject] = await self._fetch_deal(subject)
        return self.idle_outcome if self._is_unaffected(self.prior[subject]) else ""

    def _is_unaffected(self, deal: Json) -> bool:
        """Return whether a deal already has the new values."""
        return all(str(deal.get(key) or "") == str(value) for key, value in self.api_changes.items())

    def undo_data(self, prior: Any) -> Json:
        if not prior:
            return {}
        keys = with_whole_place(set(self.api_changes))
        return {"was": {key: prior.get(key) for key in sorted(keys)}}

    async def apply(self, subject: str) -> Done:
        prior = self.prior.get(subject)
        if prior is None:
            prior = self.prior[subject] = await self._fetch_deal(subject)
        if self._is_unaffected(prior):
            return Done(self.idle_outcome)
        await self.write(self.operation.request({"deal": subject, **self.changes}))
        return Done(self.done_outcome, self.undo_data(prior))

    async def _fetch_deal(self, subject: str) -> Json:
        response = await self.sender.send(Request("GET", f"/deals/{subject}", repeatable=True))
        return as_object(response.body.get("deal"))

    async def revert(self, subject: str, saved: Json) -> str:
        if "was" not in saved:
            return NOT_KEPT
        present, changes = await self._fetch_deal(subject), self.api_changes
        changed_since = {key for key, value in changes.items() if str(present.get(key)) != str(value)}
        lost = with_whole_place(changed_since)
        restorable = {key: value for key, value in saved["was"].items() if key not in lost}
        if not restorable:
            return CHANGED
        await self.write(replace(self.operation.request({"deal": subject}), body={"deal": restorable}))
        return "restored" if not lost else "partly restored: the rest was changed again since"


def with_whole_place(keys: set[str]) -> set[str]:
    """Return these attributes of a deal, and pipeline and stage if one of the two is among them."""
    return keys | PLACE if keys & PLACE else keys
