"""Undo: what a write changed is restored, what it created is deleted, what it deleted is created again.

A record that was changed since, or that has dependents by now, stays as it is.
"""

import html
import json
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
from ac_mcp.writes.comparison import MOMENT, digest, pair
from ac_mcp.writes.dependents import LATER, find_dependents
from ac_mcp.writes.recreate import RECREATED_FROM, move_back, recreate, recreate_association
from ac_mcp.writes.undo_requests import UndoRequests, values_by_field

VALUES = ("fieldValues", "dealCustomFieldData", "accountCustomFieldData")
"""The collections of custom field values."""
NOT_KEPT = "what stood there was not kept"


@dataclass(slots=True)
class Undo(UndoRequests):
    """Takes one change back, the last write first. `restored` and `lost` say what came of it, a sentence each."""

    writes: Sequence[AuditEntry] = ()
    """All writes of the change."""

    async def run(self, change: Change, *, whole: bool = False) -> None:
        """Take back every write of a change. With `whole` an error ends it before it is partly done.

        Raises:
            ToolError: if not even the first write could be taken back; with `whole` also if the time of the call is up.
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
        """Take one write back; a refusal by the API does not keep the other writes from being taken back."""
        what = f"{write.method} {write.path}"
        if write.state != "done":
            self.lost += [] if write.state == "failed" else [f"{what}: whether it was done is not known"]
            return
        try:
            await self._undo_entry(write, STEPS[write.step])
        except RequestRefused as refused:
            self.lost.append(f"{what}: {refused}")

    async def _undo_entry(self, write: AuditEntry, step: Operation[..., Any]) -> None:
        """Take one write back, or note in `lost` why it stays."""
        plural = step.resource.plural
        match write.method, plural:
            case "POST", "fieldOptions" | "fieldRels" if self._was_created_here("fields"):
                return  # deleted with their field
            case "POST", "fieldOptions":
                await self._remove_options(write)
            case _ if step.options.effects.irreversible:
                self.lost.append(f"{write.method} {write.path}: no undo can be derived for it")
            case "DELETE", "connections":
                self.lost.append("the connection: somebody has to sign in again")
            case _ if write.before is None or (write.method == "POST" and write.body is None):
                self.lost.append(f"{write.method} {write.path}: {NOT_KEPT} (AC_MCP_JOURNAL=lean)")
            case "POST", _:
                await self._undo_create(write, step, write.before)
            case "PUT", _ if step.options.effects.moves:
                await move_back(self, write, step)
            case "PUT", _:
                await self._restore_update(write, step)
            case "DELETE", _:
                await self._undo_delete(write, step)
            case _:
                self._note_no_undo(write, plural)

    async def _undo_create(self, write: AuditEntry, step: Operation[..., Any], before: Json) -> None:
        """Delete what a POST has created; restore what an upsert has changed."""
        created = self._describe_created(write, step.resource)
        match step.resource.plural:
            case "contactLists":
                await self._restore_membership(write)
            case "contactTags" if write.status == 200:
                return  # the contact had the tag before
            case "contactTags" if not write.status:
                self.lost.append(f"{created}: whether it was so before is not known")
            case _ if step.idempotent and as_object(before.get(step.resource.singular)):
                await self._restore_update(write, step)
            case "contacts" if step.idempotent and write.status != 201:
                self.lost.append(f"{created}: whether it was there before is not known")
            case _ if step.resource.api.refuses_second and write.status == 200:
                self.lost.append(f"{created}: whether it was there before is not known")
            case _:
                await self._delete_created(write, step)

    async def _undo_delete(self, write: AuditEntry, step: Operation[..., Any]) -> None:
        """Create again what was deleted."""
        match plural := step.resource.plural:
            case "contactTags":
                await self._restore_tag(write)
            case "accountContacts" | "fieldOptions" | "fieldRels":
                await recreate_association(self, write, step)
            case _ if plural in RECREATED_FROM:
                await recreate(self, write, step)
            case _:
                self._note_no_undo(write, plural)

    def _note_no_undo(self, write: AuditEntry, plural: str) -> None:
        self.lost.append(f"{self.describe(plural, id_of(write.path))}: the like of it cannot be made again by an undo")

    def _was_created_here(self, plural: str) -> bool:
        """Return whether the same change has created a record of that kind."""
        creates = (entry for entry in self.writes if entry.method == "POST")
        return any(STEPS[entry.step].resource.plural == plural for entry in creates)

    async def _remove_options(self, write: AuditEntry) -> None:
        """Remove the choices that a write added to a field."""
        rows, sent = (as_objects((body or {}).get("fieldOptions")) for body in (write.reply, write.body))
        for row, option in zip(rows, sent, strict=False):
            what = f"the choice {quote(str(option.get('label')))}: removed"
            step = STEPS["delete_field_option"]
            await self.attempt(what, self.send(step, f"/fieldOptions/{row.get('id')}"))

    def _describe_created(self, write: AuditEntry, resource: Resource, id: str = "") -> str:
        """Return what a write created in words: an association by its two ends, anything else by its name."""
        sent = as_object((write.body or {}).get(resource.singular))
        return self._ends(resource, sent) or self.describe(resource.plural, id, sent)

    def _ends(self, resource: Resource, row: Json) -> str:
        """Return the records that a row associates in words; "" if the resource is no association."""
        ends = [column for column in resource.columns if isinstance(column, Reference)] if resource.link else []
        return ", ".join(self.describe(column.kind, str(row[column.key])) for column in ends if row.get(column.key))

    async def _delete_created(self, write: AuditEntry, step: Operation[..., Any]) -> None:
        """Delete what a write created, if it still is as it was created."""
        resource, remover = step.resource, step.resource.remover
        id = str(as_object((write.reply or {}).get(resource.singular)).get(resource.api.id_key) or "")
        what = self._describe_created(write, resource, id)
        if not id or remover is None:
            self.lost.append(f"{what}: {'the API cannot delete it' if id else 'its id is not known'}")
            return
        path = f"{remover.path.rpartition('/')[0]}/{id}"
        try:
            if resource.plane == "api" and (reason := await self._reason_to_keep(write, step, path)):
                self.lost.append(f"{what}: {reason}, so it was not deleted")
                return
            await self.send(remover, path)
        except NotFound:
            (self.gone if resource.link else self.lost).append(f"{what}: it is gone already")
        else:
            gone = "emptied" if resource.plural in VALUES else "untied" if resource.link else "deleted"
            self.restored.append(f"{what}: {gone}")
            self.lost += [f"{what}: {resource.lost_for_good}"] if resource.link and resource.lost_for_good else []

    async def _reason_to_keep(self, write: AuditEntry, step: Operation[..., Any], path: str) -> str:
        """Return why a created record is not deleted, such as "it has 2 notes by now"; "" if nothing speaks against it.

        Raises:
            NotFound: if it was deleted since.
        """
        resource = step.resource
        if resource.plural == "contactTags":
            return ""
        body = await self.read(path)
        now, sent = (as_object(body_part.get(resource.singular)) for body_part in (body, write.body or {}))
        if not now:
            return "it cannot be looked at"
        plain = [key for key in sent if key in now and key != "fieldValues"]
        changed = [step.parameter(key) for key in plain if differs(key, sent[key], now)]
        changed += [step.parameter(key) for key in changed_since(write, resource, now) if key not in plain]
        changed += [step.parameter(key) for key in LATER.get(resource.plural, ()) if now.get(key) and key not in sent]
        if "fieldValues" in body and values_by_field(as_objects(body["fieldValues"])) != values_by_field(
            as_objects(sent.get("fieldValues"))
        ):
            changed.append("custom fields")
        if changed:
            return f"it was changed since ({', '.join(dict.fromkeys(changed))})"
        more = await find_dependents(self.read, resource.plural, path, body, made_here=self._choices_made(resource))
        if more.found:
            return f"it has {', '.join(more.found)} by now"
        unseen = [word for word in more.unseen if word not in self.even_if]
        if unseen:
            return (
                f"whether it has {' or '.join(unseen)} by now cannot be looked at (to delete it all the same: "
                f"even_if={json.dumps(unseen)})"
            )
        return ""

    def _choices_made(self, resource: Resource) -> int:
        """Return how many choices this change itself has given a new field."""
        if resource.plural != "fields":
            return 0
        return sum(
            len(as_objects((write.reply or {}).get("fieldOptions")))
            for write in self.writes
            if STEPS[write.step].resource.plural == "fieldOptions"
        )

    async def _restore_update(self, write: AuditEntry, step: Operation[..., Any]) -> None:
        """Give the attributes that a write changed their old values, if they still are as the write left them."""
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
        attributes, restored = self._restore_attributes(write, step, what, now)
        if fields := self._restore_field_values(write, body, what):
            attributes["fieldValues"] = fields
            restored += [f"{what}: {self.describe('fields', str(value['field']))}" for value in fields]
        if "name" in attributes and await self.is_name_taken(resource, str(attributes["name"]), id_of(path)):
            self.lost.append(f"{what}: one of the same name is there again")
            return
        if attributes and resource.plural == "lists":
            attributes = {key: attributes.get(key, now.get(key)) for key in sent}
        if attributes and resource.plural == "fieldValues":
            attributes = {**{key: old[key] for key in ("contact", "field") if key in old}, **attributes}
        if attributes:
            await self.send(next(o for o in resource.operations if o.method == "PUT"), path, attributes)
            self.restored += restored

    def _restore_attributes(
        self, write: AuditEntry, step: Operation[..., Any], what: str, now: Json
    ) -> tuple[Json, list[str]]:
        """Return the attributes to send, and in words what they restore; note in `lost` what cannot be restored."""
        old, sent = (as_object((image or {}).get(step.resource.singular)) for image in (write.before, write.body))
        moved = {"relid"} if "ownerType" in sent and "ownerType" not in old else set[str]()
        attributes: Json = {}
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
                attributes[key] = old[key]
                restored.append(word)
        return attributes, restored

    def _restore_field_values(self, write: AuditEntry, body: Json, what: str) -> list[Json]:
        """Return the custom field values to send; a value that did not exist before is emptied."""
        sent = values_by_field(as_objects(as_object((write.body or {}).get("contact")).get("fieldValues")))
        old = values_by_field(as_objects((write.before or {}).get("fieldValues")))
        now = values_by_field(as_objects(body.get("fieldValues")))
        values: list[Json] = []
        for id, value in sent.items():
            before = old.get(id, "")
            if now.get(id, "") != before:
                if now.get(id, "") == value:
                    values.append({"field": id, "value": before})
                else:
                    self.lost.append(f"{what}: {self.describe('fields', id)} was changed since")
        return values

    async def _restore_membership(self, write: AuditEntry) -> None:
        """Give a contact its old status on a list. "Never on it" cannot be restored (reference 4.4)."""
        sent = as_object((write.body or {}).get("contactList"))
        contact, list, status = (str(sent.get(key)) for key in ("contact", "list", "status"))
        old_status = str(as_object((write.before or {}).get("contactList")).get("status") or "")
        what = f"{self.describe('contacts', contact)} on {self.describe('lists', list)}"
        if old_status == status:
            return
        rows = as_objects((await self.read(f"/contacts/{contact}/contactLists")).get("contactLists"))
        if status not in [str(row.get("status")) for row in rows if str(row.get("list")) == list]:
            self.lost.append(f"{what}: it was changed since")
            return
        new_status = old_status if old_status in (SUBSCRIBED, LEFT) else LEFT
        if new_status != status:
            await self.set_membership(contact, list, new_status)
        self.restored.append(f"{what}: {'subscribed' if new_status == SUBSCRIBED else 'unsubscribed'}")
        if old_status != new_status:
            reason = "it was unconfirmed or bounced" if old_status else "it had never been on it"
            self.lost.append(f"{what}: {reason}, which the API cannot set")

    async def _restore_tag(self, write: AuditEntry) -> None:
        """Give a contact back the tag that a write took away."""
        row = as_object((write.before or {}).get("contactTag"))
        contact, tag = str(row.get("contact") or ""), str(row.get("tag") or "")
        if not contact or not tag:
            self.lost.append(f"{write.path}: which tag it was is not known")
            return
        await self.associate("contactTags", {"contact": contact, "tag": tag})
        self.restored.append(f"{self.describe('contacts', contact)}: {self.describe('tags', tag)}")


def changed_since(write: AuditEntry, resource: Resource, now: Json) -> list[str]:
    """Return the attributes of a created record that are no longer as the create answered."""
    was = as_object(as_object((write.reply or {}).get(resource.singular)).get("was"))
    return [key for key, old in was.items() if key in now and digest(now[key]) != old]


def differs(key: str, value: Any, now: Json) -> bool:
    """Return whether a row has another value than this. Empty equals absent, and escaped text equals plain text."""
    current = now.get(key)
    if key in LINKS and isinstance(current, str):
        current = origin_of(current)  # no more of it was kept
    if isinstance(value, bool) or MOMENT.match(str(value).casefold()):
        left, right = pair(value, current)  # a flag is read as a number, a moment with its zone (reference 2.3, 2.4)
        return left != right
    left, right = (html.unescape("" if left is None else str(left)).strip() for left in (value, current))
    return left.casefold() != right.casefold() if key == "email" else left != right


def count_steps(change: Change) -> int:
    """Return about how many requests the undo of a change will write with."""
    return sum(1 + dependents_of(entry.before or {}) for entry in change.writes)


def dependents_of(before: Json) -> int:
    """Return how many dependents a before image holds; each is created by a write of its own."""
    count = sum(len(ids) for ids in as_object(before.get("holders")).values()) + as_int(before.get("moved_count"))
    beside = ("contactTags", "contactLists", "accountContacts", "notes", "deals")
    return count + sum(len(as_objects(before.get(key))) for key in beside)
