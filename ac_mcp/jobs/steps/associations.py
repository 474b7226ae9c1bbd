"""Steps that tie many contacts to a tag, a list or an automation, or untie them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ac_mcp.errors import OutcomeUnknown, ToolError
from ac_mcp.filters.contact_query import PAGE, ContactQuery
from ac_mcp.jobs.steps.base import CHANGED, Done, Idle, Step
from ac_mcp.messages import Json, as_object
from ac_mcp.operations import STEPS
from ac_mcp.writes.before_images import LEFT, SUBSCRIBED


@dataclass(slots=True)
class OfTag(Step):
    async def worn(self, subject: str) -> list[str]:
        rows = await self.rows(f"/contacts/{subject}/contactTags", "contactTags")
        return [str(row["id"]) for row in rows if str(row.get("tag")) == self.id and row.get("id")]


@dataclass(slots=True)
class Tag(OfTag):
    tool: str = "tag_contact"
    already: str = "already tagged"
    word: str = "tagged"
    unused: bool | None = None
    """Nobody had the tag when the job began: nobody has to be looked at."""

    async def find_unaffected(self, subjects: Sequence[str]) -> Mapping[str, Idle]:
        if self.unused is None and self.many > PAGE:
            self.unused = await ContactQuery(self.sender, ()).total({"tagid": self.id}) == 0
        worn = set[str]() if self.unused else await self.find_matching({"tagid": self.id}, subjects)
        return dict.fromkeys(worn, self.already)

    async def recheck(self, subject: str) -> Idle:
        return ""  # the answer to the request itself tells

    async def recover(self, subject: str, kept: Json | None) -> Done | None:
        """It was not worn when it was looked at: if it is now, it was us."""
        mine = await self.worn(subject)
        return Done(self.word, {"id": mine[0]}) if mine else None

    async def apply(self, subject: str) -> Done:
        reply = await self.sender.send(self.operation.request({"contact": subject, "tag": self.id}))
        id = str(as_object(reply.body.get("contactTag")).get("id") or "")
        ours = bool(id) and (reply.status == 201 or reply.repeated)
        return Done(self.word if ours else self.already, {"id": id} if ours else None)

    async def revert(self, subject: str, kept: Json) -> str:
        await self.sender.send(STEPS["untag_contact"].request({"id": kept["id"]}))
        return "untagged"


@dataclass(slots=True)
class Untag(OfTag):
    tool: str = "untag_contact"
    already: str = "did not have the tag"
    word: str = "untagged"
    cost: float = 2.0

    async def find_unaffected(self, subjects: Sequence[str]) -> Mapping[str, Idle]:
        worn = await self.find_matching({"tagid": self.id}, subjects)
        return {one: self.already for one in subjects if one not in worn}

    async def recheck(self, subject: str) -> Idle:
        return "" if await self.worn(subject) else self.already

    async def apply(self, subject: str) -> Done:
        mine = await self.worn(subject)
        for id in mine:
            await self.sender.send(self.operation.request({"id": id}))
        return Done(self.word, {}) if mine else Done(self.already)

    async def revert(self, subject: str, kept: Json) -> str:
        reply = await self.sender.send(STEPS["tag_contact"].request({"contact": subject, "tag": self.id}))
        return reply.outcome("tagged", "has it again already")


@dataclass(slots=True)
class OnList(Step):
    """What a contact's own list says is asked where it matters: a search may lag behind (reference 2.8)."""

    async def status(self, subject: str) -> str:
        """Of the contact on the list; empty where it never was on it."""
        rows = await self.rows(f"/contacts/{subject}/contactLists", "contactLists")
        return next((str(row.get("status")) for row in rows if str(row.get("list")) == self.id), "")

    async def put(self, tool: str, subject: str, status: str) -> None:
        source = {"sourceid": 4} if tool == "subscribe_contact" and status == SUBSCRIBED else {}
        await self.sender.send(STEPS[tool].request({"contact": subject, "list": self.id, "status": status, **source}))


@dataclass(slots=True)
class Subscribe(OnList):
    """Whoever has opted out, bounced or not confirmed yet is left out: that is not for many at once to decide."""

    tool: str = "subscribe_contact"
    already: str = "already subscribed"
    word: str = "subscribed"

    async def find_unaffected(self, subjects: Sequence[str]) -> Mapping[str, Idle]:
        known = await self.find_matching({"listid": self.id, "status": "-1"}, subjects)
        found = (
            {status: await self.find_matching({"listid": self.id, "status": status}, sorted(known)) for status in OUT}
            if known
            else {}
        )
        idle = {one: OUT[status] for status, those in found.items() for one in those}
        return idle | {one: OUT["0"] for one in known if one not in idle}

    async def recheck(self, subject: str) -> Idle:
        return OUT.get(await self.status(subject), "")

    async def apply(self, subject: str) -> Done:
        await self.sender.send(self.operation.request({"contact": subject, "list": self.id, "status": SUBSCRIBED}))
        return Done(self.word, {})

    async def revert(self, subject: str, kept: Json) -> str:
        if await self.status(subject) != SUBSCRIBED:
            return CHANGED
        await self.put("unsubscribe_contact", subject, LEFT)
        return "unsubscribed"


OUT = {
    "1": "already subscribed", "2": "left out: unsubscribed", "3": "left out: bounced", "0": "left out: not confirmed",
}  # fmt: skip
"""Who is on a list already, or for good reason not, by their status there."""


@dataclass(slots=True)
class Unsubscribe(OnList):
    """Also who was never on the list: so that nobody puts them there by mistake."""

    tool: str = "unsubscribe_contact"
    already: str = "already unsubscribed"
    word: str = "unsubscribed"

    async def find_unaffected(self, subjects: Sequence[str]) -> Mapping[str, Idle]:
        found = dict.fromkeys(subjects, "")
        for status in (LEFT, SUBSCRIBED, "0", "3"):
            found |= dict.fromkeys(await self.find_matching({"listid": self.id, "status": status}, subjects), status)
        self.prior |= found
        return {one: self.already for one, status in found.items() if status == LEFT}

    async def recheck(self, subject: str) -> Idle:
        self.prior[subject] = await self.status(subject)
        return self.already if self.prior[subject] == LEFT else ""

    def undo_data(self, prior: Any) -> Json:
        return {"was": prior} if prior else {}

    async def apply(self, subject: str) -> Done:
        was = self.prior.get(subject)
        await self.put(self.tool, subject, LEFT)
        return Done("was not on the list, is marked as unsubscribed" if was == "" else self.word, self.undo_data(was))

    async def revert(self, subject: str, kept: Json) -> str:
        if not kept.get("was"):
            return "stays unsubscribed: it was not on the list before"
        if await self.status(subject) != LEFT:
            return CHANGED
        await self.put("subscribe_contact", subject, kept["was"])
        return "restored"


@dataclass(slots=True)
class InAutomation(Step):
    """A contact's own entries are read before each write: a search may lag behind, and mail must not go out twice."""

    cost: float = 2.0

    async def entries(self, subject: str) -> list[Json]:
        rows = await self.rows(f"/contacts/{subject}/contactAutomations", "contactAutomations")
        return [row for row in rows if str(row.get("seriesid") or row.get("automation")) == self.id and row.get("id")]


@dataclass(slots=True)
class Enter(InAutomation):
    """Once: whoever is or was in the automation is left out."""

    tool: str = "add_to_automation"
    already: str = "is or was in it already"
    word: str = "added"

    async def find_unaffected(self, subjects: Sequence[str]) -> Mapping[str, Idle]:
        return dict.fromkeys(await self.find_matching({"seriesid": self.id}, subjects), self.already)

    async def recheck(self, subject: str) -> Idle:
        return ""  # it is asked anyway

    async def recover(self, subject: str, kept: Json | None) -> Done | None:
        rows = await self.entries(subject)
        return Done(self.word, {"id": str(rows[0]["id"])}) if rows else None

    async def apply(self, subject: str) -> Done:
        if await self.entries(subject):
            return Done(self.already)
        try:
            reply = await self.sender.send(self.operation.request({"contact": subject, "automation": self.id}))
        except OutcomeUnknown as unknown:
            try:
                rows = await self.entries(subject)
            except ToolError:
                raise unknown from None
            if not rows:
                raise
            return Done(self.word, {"id": str(rows[0]["id"])})
        return Done(self.word, {"id": str(as_object(reply.body.get("contactAutomation")).get("id") or "")})

    async def revert(self, subject: str, kept: Json) -> str:
        await self.sender.send(STEPS["remove_from_automation"].request({"id": kept["id"]}))
        return "taken out; what it has done stays done"


@dataclass(slots=True)
class Leave(InAutomation):
    tool: str = "remove_from_automation"
    already: str = "was not in it"
    word: str = "removed"

    async def find_unaffected(self, subjects: Sequence[str]) -> Mapping[str, Idle]:
        inside = await self.find_matching({"seriesid": self.id}, subjects)
        return {one: self.already for one in subjects if one not in inside}

    async def recheck(self, subject: str) -> Idle:
        return "" if await self._running(subject) else self.already

    async def _running(self, subject: str) -> list[str]:
        return [str(row["id"]) for row in await self.entries(subject) if str(row.get("status")) == "1"]

    async def apply(self, subject: str) -> Done:
        running = await self._running(subject)
        for id in running:
            await self.sender.send(self.operation.request({"id": id}))
        return Done(self.word, {}) if running else Done("had run through it already")

    async def revert(self, subject: str, kept: Json) -> str:
        return "not put back: it would begin from the start"
