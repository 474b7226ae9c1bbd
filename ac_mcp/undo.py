"""Taking a write back: fields are put back, what was made is deleted, what was deleted is made again."""

from dataclasses import dataclass
from typing import Any

from ac_mcp.changes import LINKS, Change, Write, bare
from ac_mcp.errors import Forbidden, NotFound, Throttled, Unavailable
from ac_mcp.images import LEFT, SUBSCRIBED, id_of
from ac_mcp.operation import Operation
from ac_mcp.operations import STEPS
from ac_mcp.remake import KEPT, made_again
from ac_mcp.request import Json, record, records
from ac_mcp.restoring import Restoring, values
from ac_mcp.rows import same

WITH_THEIR_FIELD = ("fieldOptions", "fieldRels")
"""Made together with a field, and gone with it."""


@dataclass(slots=True)
class Undoing(Restoring):
    """One change being taken back, the last write first; what came of it is noted as it goes."""

    async def all(self, change: Change) -> None:
        """Raises Trouble where not even the first thing could be taken back."""
        try:
            for write in reversed(change.writes):
                if write.state == "done":
                    await self._one(write, STEPS[write.step])
                elif write.state != "failed":
                    self.lost.append(f"{write.method} {write.path}: whether it was done is not known")
        except (Throttled, Unavailable):
            if not self.restored:
                raise
            self.lost.append("the rest: the time of this call ran out; the same call goes on")

    async def _one(self, write: Write, step: Operation[..., Any]) -> None:
        plural = step.resource.plural
        match write.method, plural:
            case "POST", "contactLists":
                await self._membership(write)
            case "POST", _ if plural in WITH_THEIR_FIELD:
                return
            case "POST", _ if record((write.before or {}).get(step.resource.singular)) and step.idempotent:
                await self._put_back(write, step)  # an upsert of what was there
            case "POST", _ if step.idempotent and write.status == 200:
                return  # it was so before
            case "POST", _:
                await self._unmade(write, step)
            case "PUT", _:
                await self._put_back(write, step)
            case "DELETE", "connections":
                self.lost.append("the connection: somebody has to sign in again")
            case "DELETE", "contactTags":
                await self._worn_again(write)
            case "DELETE", _ if plural in KEPT:
                await made_again(self, write, step)
            case _:
                self.lost.append(f"{write.method} {write.path}")

    async def _unmade(self, write: Write, step: Operation[..., Any]) -> None:
        """Deleted, if nobody has changed it since."""
        resource, remover = step.resource, step.resource.remover
        id = str(record((write.reply or {}).get(resource.singular)).get(resource.id_key) or "")
        if not id or remover is None:
            self.lost.append(f"what {write.path} made: its id is not known")
            return
        path = f"{remover.path.rpartition('/')[0]}/{id}"
        sent = record((write.body or {}).get(resource.singular))
        ends = (("contact", "contacts"), (resource.word, resource.many)) if resource.link else ()
        tied = ", ".join(self.what(kind, str(sent[key])) for key, kind in ends if key in sent)
        what = tied or self.what(resource.plural, id, sent)
        gone = "untied" if resource.link else "deleted"
        if resource.plane == "api" and (changed := await self._changed(write, step, path)):
            self.lost.append(f"{what}: it was changed since ({', '.join(changed)}), so it was not deleted")
            return
        try:
            await self.send(remover, path)
        except NotFound:
            self.restored.append(f"{what}: gone already")
        else:
            self.restored.append(f"{what}: {gone}")

    async def _changed(self, write: Write, step: Operation[..., Any], path: str) -> list[str]:
        """Which attributes are no longer what was sent."""
        if step.resource.plural in ("contactTags", "fieldValues"):
            return []
        try:
            body = await self.read(path)
        except (NotFound, Forbidden):
            return []
        now, sent = (record(one.get(step.resource.singular)) for one in (body, write.body or {}))
        plain = {key: value for key, value in sent.items() if key in now and key != "fieldValues"}
        set_since = values(records(sent.get("fieldValues"))) != values(records(body.get("fieldValues")))
        changed = [step.parameter(key) for key, value in plain.items() if differs(key, value, now)]
        return changed + (["custom fields"] if set_since and "fieldValues" in body else [])

    async def _put_back(self, write: Write, step: Operation[..., Any]) -> None:
        """What was changed and still is as it was left gets its old value."""
        resource = step.resource
        old = record((write.before or {}).get(resource.singular))
        what = self.what(resource.plural, str(old.get("id") or id_of(write.path)), old)
        if not old:
            self.lost.append(f"{what}: what stood there was not kept")
            return
        path = write.path if write.method == "PUT" else f"{resource.lister.path}/{old['id']}"
        body = await self.read(path)
        now, sent = record(body.get(resource.singular)), record((write.body or {}).get(resource.singular))
        back: Json = {}
        for key, value in sent.items():
            if key == "fieldValues" or key not in old:
                continue
            if not same_value(key, old[key], now):
                taken = not differs(key, value, now)
                back |= {key: old[key]} if taken else {}
                self.note(what, step.parameter(key), taken)
        if fields := await self._fields_back(write, body, what):
            back["fieldValues"] = fields
        if back and resource.plural == "lists":
            back = {key: back.get(key, now.get(key)) for key in sent}
        if back and resource.plural == "fieldValues":
            back = {**{key: old[key] for key in ("contact", "field") if key in old}, **back}
        if back:
            await self.send(next(o for o in resource.operations if o.method == "PUT"), path, back)

    async def _fields_back(self, write: Write, body: Json, what: str) -> list[Json]:
        """Custom field values as they were; one there was not is emptied."""
        sent = records(record((write.body or {}).get("contact")).get("fieldValues"))
        old = values(records((write.before or {}).get("fieldValues")))
        now = values(records(body.get("fieldValues")))
        back: list[Json] = []
        for one in sent:
            id, was = str(one.get("field")), old.get(str(one.get("field")), "")
            if now.get(id, "") != was:
                taken = now.get(id, "") == str(one.get("value"))
                back += [{"field": id, "value": was}] if taken else []
                self.note(what, self.what("fields", id), taken)
        return back

    async def _membership(self, write: Write) -> None:
        """The state it had; a contact that never was on a list cannot be made so again (reference 4.4)."""
        sent = record((write.body or {}).get("contactList"))
        was = str(record((write.before or {}).get("contactList")).get("status") or "")
        what = f"{self.what('contacts', str(sent.get('contact')))} on {self.what('lists', str(sent.get('list')))}"
        if was == str(sent.get("status")):
            return
        if was not in (SUBSCRIBED, LEFT):
            told = "it had never been on it" if not was else "it was unconfirmed or bounced"
            self.lost.append(f"{what}: {told}, which the API cannot set; it is marked as unsubscribed")
        if was in (SUBSCRIBED, LEFT):
            self.restored.append(f"{what}: {'subscribed' if was == SUBSCRIBED else 'unsubscribed'}")
        status = was if was in (SUBSCRIBED, LEFT) else LEFT
        if status != str(sent.get("status")):
            await self.on_list(str(sent.get("contact")), str(sent.get("list")), status)

    async def _worn_again(self, write: Write) -> None:
        row = record((write.before or {}).get("contactTag"))
        if not row:
            self.lost.append(f"{write.path}: which tag it was is not known")
            return
        contact, tag = str(row["contact"]), str(row["tag"])
        await self.tied("contactTags", {"contact": contact, "tag": tag})
        self.restored.append(f"{self.what('contacts', contact)}: {self.what('tags', tag)}")


def differs(key: str, sent: Any, now: Json) -> bool:
    """What stands there now is not what was sent: empty and absent are the same."""
    return not same_value(key, sent, now)


def same_value(key: str, value: Any, now: Json) -> bool:
    there = now.get(key)
    if key in LINKS and isinstance(there, str):
        there = bare(there)  # no more of it was kept
    if value in (None, "") or there in (None, ""):
        return value in (None, "") and there in (None, "")
    return same({key: value}, {key: there})


def steps(change: Change) -> int:
    """How many records taking a change back will write to, as far as that can be told."""
    return sum(1 + sum(len(ids) for ids in record((one.before or {}).get("holders")).values()) for one in change.writes)
