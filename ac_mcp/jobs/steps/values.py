"""Steps that set values of many contacts or deals."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import inf
from time import monotonic
from typing import Any

from ac_mcp.filters.contact_query import PAGE, ContactQuery
from ac_mcp.jobs.steps.base import CHANGED, NOT_KEPT, Done, Idle, Step
from ac_mcp.messages import Json, Request, as_object
from ac_mcp.writes.undo_requests import values_by_field as by_field

BELIEVED = 60.0
"""Seconds for which the values of a field, read as a whole, are believed."""
TOGETHER = {"group", "stage"}
"""A deal's pipeline and stage only go back together."""


@dataclass(slots=True)
class Fields(Step):
    """Custom fields. What is there is read as a whole where that is less than a request for each contact."""

    tool: str = "update_contact"
    already: str = "already so"
    word: str = "changed"
    values: Mapping[str, str] = field(default_factory=dict[str, str])
    stood: dict[str, dict[str, str]] | None = None
    """By contact and field, where all of it was read."""
    asked: float = -inf
    clock: Callable[[], float] = monotonic

    async def find_unaffected(self, subjects: Sequence[str]) -> Mapping[str, Idle]:
        if self.clock() - self.asked > BELIEVED:
            self.stood, self.asked = await self._all(), self.clock()
        for one in subjects if self.stood is not None else ():
            self.prior[one] = (self.stood or {}).get(one, {})
        return {one: self.already for one in subjects if one in self.prior and self._so(self.prior[one])}

    async def recheck(self, subject: str) -> Idle:
        self.prior[subject] = await self._of(subject)
        return self.already if self._so(self.prior[subject]) else ""

    async def _of(self, subject: str) -> dict[str, str]:
        return by_field(await self.rows(f"/contacts/{subject}/fieldValues", "fieldValues"))

    async def _all(self) -> dict[str, dict[str, str]] | None:
        """Nothing where there are too many."""
        selection = ContactQuery(self.sender, ())
        queries = [{"filters[fieldid]": id} for id in self.values]
        if sum([await selection.count_values(query) for query in queries]) > PAGE * max(1, self.many):
            return None
        found: dict[str, dict[str, str]] = {}
        for row in [row for query in queries for row in await selection.values(query)]:
            found.setdefault(str(row.get("contact")), {})[str(row.get("field"))] = str(row.get("value") or "")
        return found

    def _so(self, stood: Mapping[str, str]) -> bool:
        return all(stood.get(id, "") == stored_text(value) for id, value in self.values.items())

    def undo_data(self, prior: Any) -> Json:
        return {} if prior is None else {"was": {id: prior.get(id, "") for id in self.values}}

    async def apply(self, subject: str) -> Done:
        stood = self.prior.get(subject)
        if stood is None:
            stood = self.prior[subject] = await self._of(subject)
        if self._so(stood):
            return Done(self.already)
        await self.sender.send(self.operation.request({"contact": subject, "fields": self.values}))
        return Done(self.word, self.undo_data(stood))

    async def revert(self, subject: str, kept: Json) -> str:
        if "was" not in kept:
            return NOT_KEPT
        stood = await self._of(subject)
        was = {id: value for id, value in kept["was"].items() if stood.get(id, "") == stored_text(self.values[id])}
        if not was:
            return CHANGED
        await self.sender.send(self.operation.request({"contact": subject, "fields": was}))
        return "restored" if len(was) == len(kept["was"]) else "partly restored: the rest was changed again since"


def stored_text(value: str) -> str:
    """As it is stored (reference 9)."""
    return f"||{value.strip('|')}||" if "||" in value.strip("|") else value


@dataclass(slots=True)
class Deal(Step):
    """`changes` by our names. What the list showed of a deal is believed for a moment, then it is read."""

    tool: str = "update_deal"
    already: str = "already so"
    word: str = "changed"
    changes: Mapping[str, Any] = field(default_factory=dict[str, Any])

    @property
    def wire(self) -> Json:
        """What is sent, by the API's names."""
        return as_object((self.operation.request({"deal": "0", **self.changes}).body or {}).get("deal"))

    async def recheck(self, subject: str) -> Idle:
        self.prior[subject] = await self._row(subject)
        return self.already if self._so(self.prior[subject]) else ""

    def _so(self, stood: Json) -> bool:
        return all(str(stood.get(key) or "") == str(value) for key, value in self.wire.items())

    def undo_data(self, prior: Any) -> Json:
        if not prior:
            return {}
        keys = set(self.wire) | (TOGETHER if TOGETHER & set(self.wire) else set[str]())
        return {"was": {key: prior.get(key) for key in sorted(keys)}}

    async def apply(self, subject: str) -> Done:
        stood = self.prior.get(subject)
        if stood is None:
            stood = self.prior[subject] = await self._row(subject)
        if self._so(stood):
            return Done(self.already)
        await self.sender.send(self.operation.request({"deal": subject, **self.changes}))
        return Done(self.word, self.undo_data(stood))

    async def _row(self, subject: str) -> Json:
        return as_object(
            (await self.sender.send(Request("GET", f"/deals/{subject}", repeatable=True))).body.get("deal")
        )

    async def revert(self, subject: str, kept: Json) -> str:
        if "was" not in kept:
            return NOT_KEPT
        stood, wire = await self._row(subject), self.wire
        changed = {key for key, value in wire.items() if str(stood.get(key)) != str(value)}
        lost = changed | (TOGETHER if TOGETHER & changed else set[str]())
        was = {key: value for key, value in kept["was"].items() if key not in lost}
        if not was:
            return CHANGED
        await self.sender.send(replace(self.operation.request({"deal": subject}), body={"deal": was}))
        return "restored" if not lost else "partly restored: the rest was changed again since"
