"""The steps that add many contacts to a tag, a list or an automation, or remove them from it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ac_mcp.errors import OutcomeUnknown, ToolError
from ac_mcp.filters.contact_query import PAGE, ContactQuery
from ac_mcp.jobs.steps.base import CHANGED, Done, Idle, Step
from ac_mcp.messages import Json, as_object
from ac_mcp.operations import STEPS
from ac_mcp.operations.lists import find_membership
from ac_mcp.writes.before_images import LEFT, SUBSCRIBED


@dataclass(slots=True)
class TagStep(Step):
    """The base of the steps about a tag."""

    async def fetch_contact_tags(self, subject: str) -> list[str]:
        """Return the ids of the contact's links to the tag; empty if the contact does not have it."""
        rows = await self.fetch_rows(f"/contacts/{subject}/contactTags", "contactTags")
        return [str(row["id"]) for row in rows if str(row.get("tag")) == self.id and row.get("id")]


@dataclass(slots=True)
class Tag(TagStep):
    """Adds a tag."""

    tool: str = "tag_contact"
    idle_outcome: str = "already tagged"
    done_outcome: str = "tagged"
    unused: bool | None = None
    """Whether no contact had the tag when the job began, so that no contact has to be looked at; None if unknown."""

    async def find_unaffected(self, subjects: Sequence[str]) -> Mapping[str, Idle]:
        if self.unused is None and self.record_count > PAGE:
            self.unused = await ContactQuery(self.sender, ()).total({"tagid": self.id}) == 0
        tagged = set[str]() if self.unused else await self.find_matching({"tagid": self.id}, subjects)
        return dict.fromkeys(tagged, self.idle_outcome)

    async def recheck(self, subject: str) -> Idle:
        return ""  # the response to the write itself says whether the contact had the tag

    async def recover(self, subject: str, saved: Json | None) -> Done | None:
        """Return the outcome. The contact did not have the tag at the last look: if it has it now, the job added it."""
        ids = await self.fetch_contact_tags(subject)
        return Done(self.done_outcome, {"id": ids[0]}) if ids else None

    async def apply(self, subject: str) -> Done:
        response = await self.write(self.operation.request({"contact": subject, "tag": self.id}))
        added = response.status == 201 or response.repeated
        id = str(as_object(response.body.get("contactTag")).get("id"))
        return Done(self.done_outcome, {"id": id}) if added else Done(self.idle_outcome)

    async def revert(self, subject: str, saved: Json) -> str:
        await self.write(STEPS["untag_contact"].request({"id": saved["id"]}))
        return "untagged"


@dataclass(slots=True)
class Untag(TagStep):
    """Removes a tag."""

    tool: str = "untag_contact"
    idle_outcome: str = "did not have the tag"
    done_outcome: str = "untagged"
    cost: float = 2.0

    async def find_unaffected(self, subjects: Sequence[str]) -> Mapping[str, Idle]:
        tagged = await self.find_matching({"tagid": self.id}, subjects)
        return {subject: self.idle_outcome for subject in subjects if subject not in tagged}

    async def recheck(self, subject: str) -> Idle:
        return "" if await self.fetch_contact_tags(subject) else self.idle_outcome

    async def apply(self, subject: str) -> Done:
        ids = await self.fetch_contact_tags(subject)
        for id in ids:
            await self.write(self.operation.request({"id": id}))
        return Done(self.done_outcome, {}) if ids else Done(self.idle_outcome)

    async def find_unproven(self, subjects: Sequence[str]) -> set[str]:
        found = await self.find_matching({"tagid": self.id}, subjects)
        return {subject for subject in sorted(found) if await self.fetch_contact_tags(subject)}

    async def revert(self, subject: str, saved: Json) -> str:
        response = await self.write(STEPS["tag_contact"].request({"contact": subject, "tag": self.id}))
        return response.outcome("tagged", "has it again already")


@dataclass(slots=True)
class ListStep(Step):
    """The base of the steps about a list. Where a status decides, it is read: a search may lag (reference 2.8)."""

    async def fetch_status(self, subject: str) -> str:
        """Return the contact's status on the list, such as "1"; "" if it never was on it."""
        rows = await self.fetch_rows(f"/contacts/{subject}/contactLists", "contactLists")
        row = find_membership(rows, self.id)
        return (str(row.get("status")) or "none") if row else ""

    async def set_status(self, tool: str, subject: str, status: str) -> None:
        """Set the contact's status on the list."""
        source = {"sourceid": 4} if tool == "subscribe_contact" and status == SUBSCRIBED else {}
        await self.write(STEPS[tool].request({"contact": subject, "list": self.id, "status": status, **source}))


@dataclass(slots=True)
class Subscribe(ListStep):
    """Subscribes contacts, but leaves out those who have unsubscribed, bounced or not confirmed yet.

    Their status is a decision for each single contact, and is read for each: a search that misses an opt-out, or
    ignores its conditions, subscribes nobody.
    """

    tool: str = "subscribe_contact"
    cost: float = 2.0
    idle_outcome: str = "already subscribed"
    done_outcome: str = "subscribed"

    async def find_unaffected(self, subjects: Sequence[str]) -> Mapping[str, Idle]:
        on_list = await self.find_matching({"listid": self.id, "status": "-1"}, subjects)
        if not on_list:
            return {}
        unaffected: dict[str, Idle] = {}
        for status, outcome in STATUS_OUTCOMES.items():
            found = await self.find_matching({"listid": self.id, "status": status}, sorted(on_list))
            unaffected |= dict.fromkeys(found, outcome)
        return unaffected | {subject: STATUS_OUTCOMES["0"] for subject in on_list if subject not in unaffected}

    async def recheck(self, subject: str) -> Idle:
        status = await self.fetch_status(subject)
        return STATUS_OUTCOMES.get(status, NOT_UNDERSTOOD) if status else ""

    async def apply(self, subject: str) -> Done:
        if outcome := await self.recheck(subject):
            return Done(outcome)
        await self.write(self.operation.request({"contact": subject, "list": self.id, "status": SUBSCRIBED}))
        return Done(self.done_outcome, {})

    async def revert(self, subject: str, saved: Json) -> str:
        if await self.fetch_status(subject) != SUBSCRIBED:
            return CHANGED
        await self.set_status("unsubscribe_contact", subject, LEFT)
        return "unsubscribed"


STATUS_OUTCOMES = {
    "1": "already subscribed", "2": "left out: unsubscribed", "3": "left out: bounced", "0": "left out: not confirmed",
}  # fmt: skip
"""The outcome of a contact that is on the list, or was, by its status there."""
NOT_UNDERSTOOD = "left out: its status on the list is not understood"


@dataclass(slots=True)
class Unsubscribe(ListStep):
    """Unsubscribes contacts. Contacts that never were on the list are marked too, so that none is added by mistake."""

    tool: str = "unsubscribe_contact"
    idle_outcome: str = "already unsubscribed"
    done_outcome: str = "unsubscribed"

    async def find_unaffected(self, subjects: Sequence[str]) -> Mapping[str, Idle]:
        statuses = dict.fromkeys(subjects, "")
        for status in (LEFT, SUBSCRIBED, "0", "3"):
            found = await self.find_matching({"listid": self.id, "status": status}, subjects)
            statuses |= dict.fromkeys(found, status)
        self.prior |= statuses
        return {subject: self.idle_outcome for subject, status in statuses.items() if status == LEFT}

    async def recheck(self, subject: str) -> Idle:
        self.prior[subject] = await self.fetch_status(subject)
        return self.idle_outcome if self.prior[subject] == LEFT else ""

    def undo_data(self, prior: Any) -> Json:
        return {"was": prior} if prior else {}

    async def apply(self, subject: str) -> Done:
        prior = self.prior.get(subject)
        await self.set_status(self.tool, subject, LEFT)
        outcome = "was not on the list, is marked as unsubscribed" if prior == "" else self.done_outcome
        return Done(outcome, self.undo_data(prior))

    async def revert(self, subject: str, saved: Json) -> str:
        if not saved.get("was"):
            return "stays unsubscribed: it was not on the list before"
        if await self.fetch_status(subject) != LEFT:
            return CHANGED
        await self.set_status("subscribe_contact", subject, saved["was"])
        return "restored"


@dataclass(slots=True)
class AutomationStep(Step):
    """The base of the steps about an automation.

    A contact's entries are read before each write: a search may lag, and no mail may be sent twice.
    """

    cost: float = 2.0

    async def fetch_entries(self, subject: str) -> list[Json]:
        """Return the contact's entries into the automation, also those that have ended."""
        rows = await self.fetch_rows(f"/contacts/{subject}/contactAutomations", "contactAutomations")
        return [row for row in rows if str(row.get("seriesid") or row.get("automation")) == self.id and row.get("id")]


@dataclass(slots=True)
class Enter(AutomationStep):
    """Adds contacts to an automation, but leaves out those who are or were in it."""

    tool: str = "add_to_automation"
    idle_outcome: str = "is or was in it already"
    done_outcome: str = "added"

    async def find_unaffected(self, subjects: Sequence[str]) -> Mapping[str, Idle]:
        return dict.fromkeys(await self.find_matching({"seriesid": self.id}, subjects), self.idle_outcome)

    async def recheck(self, subject: str) -> Idle:
        return ""  # `apply` reads the entries anyway

    async def recover(self, subject: str, saved: Json | None) -> Done | None:
        entries = await self.fetch_entries(subject)
        return Done(self.done_outcome, {"id": str(entries[0]["id"])}) if entries else None

    async def apply(self, subject: str) -> Done:
        if await self.fetch_entries(subject):
            return Done(self.idle_outcome)
        try:
            response = await self.write(self.operation.request({"contact": subject, "automation": self.id}))
        except OutcomeUnknown as unknown:
            try:
                entries = await self.fetch_entries(subject)
            except ToolError:
                raise unknown from None
            if not entries:
                raise
            return Done(self.done_outcome, {"id": str(entries[0]["id"])})
        return Done(self.done_outcome, {"id": str(as_object(response.body.get("contactAutomation")).get("id") or "")})

    async def revert(self, subject: str, saved: Json) -> str:
        await self.write(STEPS["remove_from_automation"].request({"id": saved["id"]}))
        return "taken out; what it has done stays done"


@dataclass(slots=True)
class Leave(AutomationStep):
    """Removes contacts from an automation."""

    tool: str = "remove_from_automation"
    idle_outcome: str = "was not in it"
    done_outcome: str = "removed"

    async def find_unaffected(self, subjects: Sequence[str]) -> Mapping[str, Idle]:
        entered = await self.find_matching({"seriesid": self.id}, subjects)
        return {subject: self.idle_outcome for subject in subjects if subject not in entered}

    async def recheck(self, subject: str) -> Idle:
        return "" if await self._fetch_active_ids(subject) else self.idle_outcome

    async def _fetch_active_ids(self, subject: str) -> list[str]:
        """Return the ids of the contact's entries that have not ended."""
        return [str(row["id"]) for row in await self.fetch_entries(subject) if str(row.get("status")) == "1"]

    async def apply(self, subject: str) -> Done:
        ids = await self._fetch_active_ids(subject)
        for id in ids:
            await self.write(self.operation.request({"id": id}))
        return Done(self.done_outcome, {}) if ids else Done("had run through it already")

    async def find_unproven(self, subjects: Sequence[str]) -> set[str]:
        found = await self.find_matching({"seriesid": self.id}, subjects)
        return {subject for subject in sorted(found) if await self._fetch_active_ids(subject)}

    async def revert(self, subject: str, saved: Json) -> str:
        return "not put back: it would begin from the start"
