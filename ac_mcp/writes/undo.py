"""Taking a write back: fields are put back, what was made is deleted, what was deleted is made again.

What somebody has changed since, or what has more hanging on it by now, stays as it is.
"""

import html
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ac_mcp.errors import NotFound, RequestRefused, Throttled, Unavailable
from ac_mcp.messages import Json, as_int, as_object, as_objects
from ac_mcp.operations import STEPS
from ac_mcp.results.error_text import quote
from ac_mcp.results.preview import UNCOMPARED
from ac_mcp.spec.columns import Reference
from ac_mcp.spec.operation import Operation
from ac_mcp.spec.resource import Resource
from ac_mcp.storage.redaction import LINKS, SECRETS, origin_of
from ac_mcp.writes.audit_log import AuditEntry, Change
from ac_mcp.writes.before_images import LEFT, SUBSCRIBED, id_of
from ac_mcp.writes.comparison import MOMENT, pair
from ac_mcp.writes.dependents import LATER, describe_dependents
from ac_mcp.writes.recreate import RECREATED_FROM, move_back, recreate, recreate_association
from ac_mcp.writes.undo_requests import UndoRequests, values_by_field

VALUES = ("fieldValues", "dealCustomFieldData", "accountCustomFieldData")
"""What stands in custom fields."""
NOT_KEPT = "what stood there was not kept"


@dataclass(slots=True)
class Undo(UndoRequests):
    """One change being taken back, the last write first; what came of it is noted as it goes."""

    writes: Sequence[AuditEntry] = ()
    """All that the change has written."""

    async def run(self, change: Change, *, whole: bool = False) -> None:
        """Each write; with `whole` all of them or none.

        Raises:
            Trouble: where not even the first thing could be taken back, and where time is up with `whole`.
        """
        self.writes = change.writes
        try:
            for write in reversed(change.writes):
                await self._try_entry(write)
        except (Throttled, Unavailable):
            if whole or not self.restored:
                raise
            self.lost.append("the rest: the time of this call ran out; the same call goes on")

    async def _try_entry(self, write: AuditEntry) -> None:
        """One that is refused by now does not keep the others from being taken back."""
        what = f"{write.method} {write.path}"
        if write.state != "done":
            self.lost += [] if write.state == "failed" else [f"{what}: whether it was done is not known"]
            return
        try:
            await self._undo_entry(write, STEPS[write.step])
        except RequestRefused as refused:
            self.lost.append(f"{what}: {refused}")

    async def _undo_entry(self, write: AuditEntry, step: Operation[..., Any]) -> None:
        plural = step.resource.plural
        match write.method, plural:
            case "POST", "fieldOptions" | "fieldRels" if self._was_created_here("fields"):
                return  # gone with their field
            case "POST", "fieldOptions":
                await self._remove_options(write)
            case _ if step.options.get("irreversible"):
                self.lost.append(f"{write.method} {write.path}: no undo can be derived for it")
            case "DELETE", "connections":
                self.lost.append("the connection: somebody has to sign in again")
            case _ if write.before is None or (write.method == "POST" and write.body is None):
                self.lost.append(f"{write.method} {write.path}: {NOT_KEPT} (AC_MCP_JOURNAL=lean)")
            case "POST", "contactLists":
                await self._restore_membership(write)
            case "POST", "contactTags" if write.status == 200:
                return  # it was worn before
            case "POST", "contactTags" if not write.status:
                self.lost.append(
                    f"{self._describe_created(write, step.resource)}: whether it was so before is not known"
                )
            case "POST", _ if step.idempotent and as_object(write.before.get(step.resource.singular)):
                await self._restore_update(write, step)  # an upsert of what was there
            case "POST", "contacts" if step.idempotent and write.status != 201:
                self.lost.append(
                    f"{self._describe_created(write, step.resource)}: whether it was there before is not known"
                )
            case "POST", _:
                await self._delete_created(write, step)
            case "PUT", _ if step.options.get("moves"):
                await move_back(self, write, step)
            case "PUT", _:
                await self._restore_update(write, step)
            case "DELETE", "contactTags":
                await self._restore_tag(write)
            case "DELETE", "accountContacts" | "fieldOptions" | "fieldRels":
                await recreate_association(self, write, step)
            case "DELETE", _ if plural in RECREATED_FROM:
                await recreate(self, write, step)
            case _:
                self.lost.append(
                    f"{self.describe(plural, id_of(write.path))}: the like of it cannot be made again by an undo"
                )

    def _was_created_here(self, plural: str) -> bool:
        """Whether the same change has made a thing of that kind."""
        made = (one for one in self.writes if one.method == "POST")
        return any(STEPS[one.step].resource.plural == plural for one in made)

    async def _remove_options(self, write: AuditEntry) -> None:
        """Choices that were added to a field that was there before."""
        made, sent = (as_objects((one or {}).get("fieldOptions")) for one in (write.reply, write.body))
        for row, given in zip(made, sent, strict=False):
            what = f"the choice {quote(str(given.get('label')))}: removed"
            step = STEPS["delete_field_option"]
            await self.attempt(what, self.send(step, f"/fieldOptions/{row.get('id')}"))

    def _describe_created(self, write: AuditEntry, resource: Resource, id: str = "") -> str:
        """What a write made: a tie by its two ends, anything else by its name."""
        sent = as_object((write.body or {}).get(resource.singular))
        return self._ends(resource, sent) or self.describe(resource.plural, id, sent)

    def _ends(self, resource: Resource, row: Json) -> str:
        """The things that a row ties, where it only does that."""
        ends = [one for one in resource.columns if isinstance(one, Reference)] if resource.link else []
        return ", ".join(self.describe(one.kind, str(row[one.key])) for one in ends if row.get(one.key))

    async def _delete_created(self, write: AuditEntry, step: Operation[..., Any]) -> None:
        """Deleted, if it is as it was made."""
        resource, remover = step.resource, step.resource.remover
        id = str(as_object((write.reply or {}).get(resource.singular)).get(resource.id_key) or "")
        what = self._describe_created(write, resource, id)
        if not id or remover is None:
            self.lost.append(f"{what}: {'the API cannot delete it' if id else 'its id is not known'}")
            return
        path = f"{remover.path.rpartition('/')[0]}/{id}"
        try:
            if resource.plane == "api" and (kept := await self._reason_to_keep(write, step, path)):
                self.lost.append(f"{what}: {kept}, so it was not deleted")
                return
            await self.send(remover, path)
        except NotFound:
            self.lost.append(f"{what}: it is gone already")
        else:
            gone = "emptied" if resource.plural in VALUES else "untied" if resource.link else "deleted"
            self.restored.append(f"{what}: {gone}")
            self.lost += [f"{what}: {resource.lost}"] if resource.link and resource.lost else []

    async def _reason_to_keep(self, write: AuditEntry, step: Operation[..., Any], path: str) -> str:
        """Why it is more by now than what was made; empty where it is not.

        Raises:
            NotFound: if it is gone.
        """
        resource = step.resource
        if resource.plural == "contactTags":
            return ""
        body = await self.read(path)
        now, sent = (as_object(one.get(resource.singular)) for one in (body, write.body or {}))
        if not now:
            return "it cannot be looked at"
        plain = [key for key in sent if key in now and key != "fieldValues"]
        changed = [step.parameter(key) for key in plain if differs(key, sent[key], now)]
        changed += [step.parameter(key) for key in LATER.get(resource.plural, ()) if now.get(key) and key not in sent]
        if "fieldValues" in body and values_by_field(as_objects(body["fieldValues"])) != values_by_field(
            as_objects(sent.get("fieldValues"))
        ):
            changed.append("custom fields")
        if changed:
            return f"it was changed since ({', '.join(changed)})"
        more = await describe_dependents(self.read, resource.plural, path, body)
        if more is None:
            return "what hangs on it by now is not known"
        return f"it has {', '.join(more)} by now" if more else ""

    async def _restore_update(self, write: AuditEntry, step: Operation[..., Any]) -> None:
        """What was changed and still is as it was left gets its old value."""
        resource = step.resource
        old = as_object((write.before or {}).get(resource.singular))
        what = self.describe(resource.plural, str(old.get("id") or id_of(write.path)), old)
        what = self._ends(resource, old) or what
        if not old:
            self.lost.append(f"{what}: {NOT_KEPT}")
            return
        path = write.path if write.method == "PUT" else f"{resource.lister.path}/{old['id']}"
        body = await self.read(path)
        now, sent = as_object(body.get(resource.singular)), as_object((write.body or {}).get(resource.singular))
        back, restored = self._restore_attributes(write, step, what, now)
        if fields := self._restore_field_values(write, body, what):
            back["fieldValues"] = fields
            restored += [f"{what}: {self.describe('fields', str(one['field']))}" for one in fields]
        if "name" in back and await self.is_name_taken(resource, str(back["name"]), id_of(path)):
            self.lost.append(f"{what}: one of the same name is there again")
            return
        if back and resource.plural == "lists":
            back = {key: back.get(key, now.get(key)) for key in sent}
        if back and resource.plural == "fieldValues":
            back = {**{key: old[key] for key in ("contact", "field") if key in old}, **back}
        if back:
            await self.send(next(o for o in resource.operations if o.method == "PUT"), path, back)
            self.restored += restored

    def _restore_attributes(
        self, write: AuditEntry, step: Operation[..., Any], what: str, now: Json
    ) -> tuple[Json, list[str]]:
        """What goes back of the thing itself, and in words; what cannot is said."""
        old, sent = (as_object((one or {}).get(step.resource.singular)) for one in (write.before, write.body))
        moved = {"relid"} if "ownerType" in sent and "ownerType" not in old else set[str]()
        back: Json = {}
        restored: list[str] = []
        for key, value in sent.items():
            word = f"{what}: {step.parameter(key)}"
            if key in SECRETS:
                self.lost.append(f"{word}, which is not kept")
            elif (key not in old and key not in UNCOMPARED and value is not None) or key in moved:
                self.lost.append(f"{word}: {NOT_KEPT}")
            elif key in UNCOMPARED or key not in old or not differs(key, old[key], now):
                continue
            elif differs(key, value, now):
                self.lost.append(f"{word} was changed since")
            elif key in LINKS:
                self.lost.append(f"{word}, which may hold a key, was not kept")
            else:
                back[key] = old[key]
                restored.append(word)
        return back, restored

    def _restore_field_values(self, write: AuditEntry, body: Json, what: str) -> list[Json]:
        """Custom field values as they were; one there was not is emptied."""
        sent = values_by_field(as_objects(as_object((write.body or {}).get("contact")).get("fieldValues")))
        old = values_by_field(as_objects((write.before or {}).get("fieldValues")))
        now = values_by_field(as_objects(body.get("fieldValues")))
        back: list[Json] = []
        for id, value in sent.items():
            was = old.get(id, "")
            if now.get(id, "") != was:
                if now.get(id, "") == value:
                    back.append({"field": id, "value": was})
                else:
                    self.lost.append(f"{what}: {self.describe('fields', id)} was changed since")
        return back

    async def _restore_membership(self, write: AuditEntry) -> None:
        """The state it had; a contact that never was on a list cannot be made so again (reference 4.4)."""
        sent = as_object((write.body or {}).get("contactList"))
        contact, list, status = (str(sent.get(key)) for key in ("contact", "list", "status"))
        was = str(as_object((write.before or {}).get("contactList")).get("status") or "")
        what = f"{self.describe('contacts', contact)} on {self.describe('lists', list)}"
        if was == status:
            return
        rows = as_objects((await self.read(f"/contacts/{contact}/contactLists")).get("contactLists"))
        if status not in [str(row.get("status")) for row in rows if str(row.get("list")) == list]:
            self.lost.append(f"{what}: it was changed since")
            return
        back = was if was in (SUBSCRIBED, LEFT) else LEFT
        if back != status:
            await self.set_membership(contact, list, back)
        self.restored.append(f"{what}: {'subscribed' if back == SUBSCRIBED else 'unsubscribed'}")
        if was != back:
            told = "it was unconfirmed or bounced" if was else "it had never been on it"
            self.lost.append(f"{what}: {told}, which the API cannot set")

    async def _restore_tag(self, write: AuditEntry) -> None:
        row = as_object((write.before or {}).get("contactTag"))
        contact, tag = str(row.get("contact") or ""), str(row.get("tag") or "")
        if not contact or not tag:
            self.lost.append(f"{write.path}: which tag it was is not known")
            return
        await self.associate("contactTags", {"contact": contact, "tag": tag})
        self.restored.append(f"{self.describe('contacts', contact)}: {self.describe('tags', tag)}")


def differs(key: str, value: Any, now: Json) -> bool:
    """What stands there is not that: empty and absent are the same, and how it is escaped does not matter."""
    there = now.get(key)
    if key in LINKS and isinstance(there, str):
        there = origin_of(there)  # no more of it was kept
    if isinstance(value, bool) or MOMENT.match(str(value).casefold()):
        one, other = pair(value, there)  # a flag is read as a number, a moment with its zone (reference 2.3, 2.4)
        return one != other
    one, other = (html.unescape("" if one is None else str(one)).strip() for one in (value, there))
    return one.casefold() != other.casefold() if key == "email" else one != other


def count_steps(change: Change) -> int:
    """How many records taking a change back will write to, as far as that can be told."""
    return sum(1 + dependents_of(one.before or {}) for one in change.writes)


def dependents_of(before: Json) -> int:
    """What hung on a thing that was deleted, each a write of its own."""
    held = sum(len(ids) for ids in as_object(before.get("holders")).values()) + as_int(before.get("moved_count"))
    beside = ("contactTags", "contactLists", "accountContacts", "notes", "deals")
    return held + sum(len(as_objects(before.get(key))) for key in beside)
