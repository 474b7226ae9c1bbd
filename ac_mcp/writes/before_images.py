"""Before-images: what stands in the account where a write is about to go."""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ac_mcp.errors import Forbidden, NotFound
from ac_mcp.messages import Json, Request, Response, Sender, as_int, as_object, as_objects
from ac_mcp.operations import RESOURCES, STEPS
from ac_mcp.spec.operation import PAGE, Operation
from ac_mcp.spec.resource import Resource
from ac_mcp.writes.dependents import count_listed

MAX_HOLDERS = 1000
"""Contacts of a tag or list that are remembered when it is deleted: ten requests."""
BY_KIND: Mapping[str, Resource] = {resource.plural: resource for resource in RESOURCES}
BESIDE = (
    "contactLists", "fieldValues", "accountContacts", "contactTags", "notes", "deals", "contactAutomations",
    "dealCustomFieldData", "accountCustomFieldData",
)  # fmt: skip
"""What else is kept of a contact or deal that goes."""
HOLDERS: Mapping[str, tuple[str, tuple[str, ...]]] = {
    "tags": ("tagid", ("-1",)),
    "lists": ("listid", ("1", "2", "0", "3")),
}
"""By which query its contacts are found, and in which states of theirs (reference 3.2)."""
SUBSCRIBED, LEFT = "1", "2"


@dataclass(slots=True)
class BeforeImages:
    """What a call has read by itself is not read again."""

    bodies: dict[str, Json] = field(default_factory=dict[str, Json])
    rows: dict[tuple[str, str], Json] = field(default_factory=dict[tuple[str, str], Json])
    thorough: bool = False
    """Also what a write itself would tell: whether a tag is worn already."""
    light: bool = False
    """Of ties of contacts to tags and lists nothing is read: there are many of them."""

    def remember(self, request: Request, reply: Response) -> None:
        if request.plane == "api" and not request.query:
            self.bodies[request.path] = reply.body
        for plural, value in reply.body.items():
            self.rows |= {(plural, str(row["id"])): row for row in as_objects(value) if row.get("id")}

    def forget(self) -> None:
        """Something was written: what was read before may no longer be so."""
        self.bodies.clear()
        self.rows.clear()

    async def fetch(self, sender: Sender, request: Request) -> Json:
        """What the write is about to change, under the API's names; empty where nothing stands there yet.

        Raises:
            Trouble: where the account cannot be asked.
        """
        step = STEPS[request.operation]
        match step.method, step.resource.plural:
            case "POST", "contactTags" | "contactLists" if self.light:
                return {}
            case "POST", "contactLists":
                return await self._membership(sender, as_object((request.body or {}).get("contactList")))
            case "POST", "contacts" if step.idempotent:
                return await self._upserted(sender, str(as_object((request.body or {}).get("contact")).get("email")))
            case "POST", "contactTags" if self.thorough:
                return await self._tag_association(sender, as_object((request.body or {}).get("contactTag")))
            case "POST", _:
                return {}
            case _ if step.options.get("blind"):
                return {}
            case "DELETE", "contacts":
                return await self._all_of(sender, request.path, "contactTags", "notes")
            case "DELETE", "deals":
                return await self._all_of(sender, request.path, "notes", "dealCustomFieldData")
            case "DELETE", "accounts":
                return await self._all_of(sender, request.path, "accountContacts", "accountCustomFieldData")
            case "DELETE", "fields":
                body = await self._fetch_or_nothing(sender, request.path)
                kept = {key: value for key, value in body.items() if key in ("field", "fieldOptions", "fieldRels")}
                return kept | await self._dependents(sender, "fields", id_of(request.path)) if body else {}
            case "DELETE", "dealGroups" | "dealStages" as plural:
                row = await self._row(sender, step, request)
                return row | await self._dependents(sender, plural, id_of(request.path)) if row else {}
            case "PUT", _ if moves := step.options.get("moves"):
                return await self._moved(sender, step.resource, {moves: request.path.split("/")[2]})
            case "DELETE", "tags" | "lists":
                row = await self._row(sender, step, request)
                return {**row, **await self._holders(sender, step.resource, id_of(request.path))} if row else {}
            case _:
                return await self._row(sender, step, request)

    async def _row(self, sender: Sender, step: Operation[..., Any], request: Request) -> Json:
        """The thing itself, from what was read already where a list shows all of it."""
        resource = step.resource
        found = None if resource.sparse else self.rows.get((resource.plural, id_of(request.path)))
        if found is not None:
            return {resource.singular: found}
        body = await self._fetch_or_nothing(sender, request.path, request.plane)
        kept = (resource.singular, *(BESIDE if resource.sparse else ()))
        return {key: value for key, value in body.items() if key in kept}

    async def _all_of(self, sender: Sender, path: str, *beside: str) -> Json:
        """A contact or deal with what hangs on it."""
        found = await self._fetch_or_nothing(sender, path)
        for word in beside if found else ():
            found = {**found, **{word: as_objects((await self._fetch_or_nothing(sender, f"{path}/{word}")).get(word))}}
        return {key: value for key, value in found.items() if key in ("contact", "deal", "account", *BESIDE)}

    async def _dependents(self, sender: Sender, plural: str, id: str) -> Json:
        """How much goes with it."""

        async def read(path: str, **query: Any) -> Json:
            return await self._fetch_query(sender, path, query)

        return {"hung": await count_listed(read, plural, id)}

    async def _fetch_query(self, sender: Sender, path: str, query: Mapping[str, Any]) -> Json:
        return (await sender.send(Request("GET", path, query, repeatable=True))).body

    async def _moved(self, sender: Sender, resource: Resource, query: Mapping[str, str]) -> Json:
        """The ids of what moves on, up to `MOST` of them, and how many there are."""
        found: list[str] = []
        total = 0
        for offset in range(0, MAX_HOLDERS, PAGE):
            asked = {**query, "limit": str(PAGE), "offset": str(offset)}
            body = await self._fetch_query(sender, resource.lister.path, asked)
            rows = as_objects(body.get(resource.plural))
            found += [str(row["id"]) for row in rows if row.get("id")]
            total = max(as_int(as_object(body.get("meta")).get("total")), len(found))
            if len(found) >= total or not rows:
                break
        return {"moved": found, "moved_count": total}

    async def _fetch_or_nothing(self, sender: Sender, path: str, plane: Any = "api") -> Json:
        """Nothing where it is not there or not to be seen: then the write is told so itself."""
        if (known := self.bodies.get(path)) is not None:
            return known
        with suppress(NotFound, Forbidden):
            return (await sender.send(Request("GET", path, plane=plane, repeatable=True))).body
        return {}

    async def _membership(self, sender: Sender, sent: Json) -> Json:
        path = f"/contacts/{sent.get('contact')}/contactLists"
        rows = as_objects((await self._fetch_or_nothing(sender, path)).get("contactLists"))
        mine = next((row for row in rows if str(row.get("list")) == str(sent.get("list"))), None)
        return {"contactList": mine} if mine else {}

    async def _tag_association(self, sender: Sender, sent: Json) -> Json:
        path = f"/contacts/{sent.get('contact')}/contactTags"
        rows = as_objects((await self._fetch_or_nothing(sender, path)).get("contactTags"))
        mine = next((row for row in rows if str(row.get("tag")) == str(sent.get("tag"))), None)
        return {"contactTag": mine} if mine else {}

    async def _upserted(self, sender: Sender, email: str) -> Json:
        """Whoever has that address now."""
        query = {"email": email}
        found = await sender.send(Request("GET", "/contacts", query, repeatable=True))
        rows = (row for row in as_objects(found.body.get("contacts")) if row.get("id"))
        mine = [str(row["id"]) for row in rows if str(row.get("email")).casefold() == email.casefold()]
        return await self._all_of(sender, f"/contacts/{mine[0]}") if mine else {}

    async def _holders(self, sender: Sender, resource: Resource, id: str) -> Json:
        """The ids of the contacts that wear a tag or are on a list, by their state there; and how many there are."""
        parameter, states = HOLDERS[resource.plural]
        held: dict[str, list[str]] = {}
        count = 0
        for state in states:
            found, total = await self._contacts(sender, {parameter: id, "status": state}, MAX_HOLDERS - count)
            held[state] = found
            count += total
        return {"holders": held, "holders_count": count}

    async def _contacts(self, sender: Sender, query: Mapping[str, str], most: int) -> tuple[list[str], int]:
        """Ids page by page, up to `most`; and how many there are in all."""
        found: list[str] = []
        total = 0
        for offset in range(0, max(most, 1), PAGE):
            asked = {**query, "limit": str(PAGE), "offset": str(offset)}
            body = (await sender.send(Request("GET", "/contacts", asked, repeatable=True))).body
            rows = as_objects(body.get("contacts"))
            found += [str(row["id"]) for row in rows if row.get("id")]
            total = max(as_int(as_object(body.get("meta")).get("total")), len(found))
            if len(found) >= total or not rows:
                break
        return found, total


def count_affected(before: Json) -> int:
    """How many records a write takes something from, or moves."""
    return as_int(before.get("holders_count")) or as_int(before.get("moved_count"))


def confirmed_part(request: Request, before: Json) -> Json:
    """Of what stands there what somebody agrees to change: what is sent now, or what goes and how much with it."""
    resource = STEPS[request.operation].resource
    row, sent = (as_object(one.get(resource.singular)) for one in (before, request.body or {}))
    if request.method != "DELETE":
        return {key: row.get(key) for key in sent} | ({"moved": before["moved"]} if "moved" in before else {})
    counts = {key: len(as_objects(before.get(key))) for key in BESIDE}
    hung = as_object(before.get("hung"))
    return {"called": resource.called(row) if row else (), "holders": count_affected(before), **counts, **hung}


def id_of(path: str) -> str:
    """The last part of a path."""
    return path.rpartition("/")[2]
