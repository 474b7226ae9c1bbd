"""Names become ids on the way in, ids get names on the way out: the directory of one account."""

from collections.abc import Awaitable, Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any, TypeAlias

from anyio import Lock

from ac_mcp.concurrency import gather
from ac_mcp.errors import BadArguments, Candidate, NoSuchName, SeveralNames, most_relevant
from ac_mcp.messages import Json, Request, Sender, as_int, as_object, as_objects
from ac_mcp.naming.cache import AnswerCache
from ac_mcp.naming.expressions import resolve_assignments, resolve_conditions, resolve_list
from ac_mcp.naming.field_values import stored_value
from ac_mcp.naming.matching import UUID, DirectoryEntry, find_closest, find_matches, is_id, is_misspelt, normalize_name
from ac_mcp.spec.annotations import Ref
from ac_mcp.spec.operation import Operation
from ac_mcp.spec.resource import Resource

Query: TypeAlias = Mapping[str, str | tuple[str, ...]]
PAGE, PAGES = 100, 20
FRESH, JUST_NOW = 60.0, 1.0
"""Seconds a directory is believed; and where the name decides what is deleted or changed."""
SEEN = 2000
"""How many names of large kinds (contacts, deals) are remembered."""


@dataclass(slots=True)
class KindDirectory:
    """What is known of one kind of thing."""

    entries: dict[str, DirectoryEntry] = field(default_factory=dict[str, DirectoryEntry])
    loaded: float = -inf
    complete: bool = False

    def add(self, one: DirectoryEntry) -> None:
        self.entries.pop(one.id, None)
        self.entries[one.id] = one

    def forget_oldest(self, most: int) -> None:
        while len(self.entries) > most:
            del self.entries[next(iter(self.entries))]


class NameDirectory:
    """Looks names up for one caller; what it fetched is believed for `FRESH` seconds of `clock`."""

    def __init__(self, resources: Iterable[Resource], clock: Callable[[], float]) -> None:
        self._resources = {resource.plural: resource for resource in resources}
        self._directories = {kind: KindDirectory() for kind in self._resources}
        self._loading = {kind: Lock() for kind in self._resources}
        self._clock = clock
        self.answers = AnswerCache(clock, FRESH)

    async def resolve(self, sender: Sender, operation: Operation[..., Any], arguments: Json) -> Json:
        """The same arguments with every name replaced by its id.

        Raises:
            NoSuchName, SeveralNames: where a name does not stand for exactly one thing.
        """
        resolved, wrong = dict(arguments), dict[str, NoSuchName | SeveralNames]()
        for parameter, ref in sorted(operation.references.items(), key=lambda item: bool(item[1].within)):
            if arguments.get(parameter) is None or {ref.within, ref.beside} & wrong.keys():
                continue
            try:
                resolved[parameter] = await self._resolved(sender, operation, parameter, resolved)
            except (NoSuchName, SeveralNames) as trouble:
                wrong[parameter] = trouble
        if wrong:
            raise most_relevant(list(wrong.values()))
        for parameter, of in operation.values.items():
            resource, text = self._resources[operation.references[of].kind], arguments[parameter]
            known = self._directories[resource.plural].entries.get(resolved[of])
            resolved[parameter] = stored_value(resource, known, text, parameter, arguments, str)
        return resolved

    async def _resolved(self, sender: Sender, operation: Operation[..., Any], parameter: str, resolved: Json) -> Any:
        """One argument with ids for its names; those it depends on have theirs."""
        ref, given, main = operation.references[parameter], resolved[parameter], operation.names_target(parameter)
        if main:
            await self._load_if_stale(sender, self._resources[ref.kind], fresh=JUST_NOW)
        if ref.assigned:
            return await resolve_assignments(self, sender, parameter, ref.kind, given, resolved)
        if ref.conditions:
            return await resolve_conditions(self, sender, parameter, ref.kind, given, resolved)
        if ref.several:
            return await resolve_list(self, sender, parameter, ref.kind, given)
        within = str(resolved.get(ref.within) or "") or await self._place(sender, operation, ref, resolved)
        return await self.id(sender, parameter, ref.kind, given, within, main=main)

    async def _place(self, sender: Sender, operation: Operation[..., Any], ref: Ref, resolved: Json) -> str:
        """Where the thing that is to change stands now: a stage's name means one of the deal's own pipeline."""
        if not ref.beside:
            return ""
        other = self._resources[operation.references[ref.beside].kind]
        path = f"{other.lister.path}/{resolved[ref.beside]}"
        reply = await sender.send(Request("GET", path, plane=other.plane, repeatable=True))
        return str(as_object(reply.body.get(other.singular)).get(self._resources[ref.kind].within) or "")

    async def id(
        self, sender: Sender, parameter: str, kind: str, given: str, within: str = "", *, main: bool = False
    ) -> str:
        """The id of the one thing this name or id stands for; with `main` no nickname counts."""
        resource = self._resources[kind]
        name = " ".join(given.removeprefix("name:").split())
        as_id = not given.startswith("name:") and is_id(name, resource)
        if as_id and (not resource.directory or (resource.plane == "control" and UUID.fullmatch(name))):
            return name
        seen: dict[str, DirectoryEntry] = {}
        for look in (self._load_if_stale, self._search):
            seen |= {one.id: one for one in await look(sender, resource, name) if within in ("", one.within)}
            if as_id and name in seen:
                return name
            if look == self._load_if_stale and resource.find and not self._directories[kind].complete:
                continue  # too many to keep: whether the name is the only one of its kind is not known here
            match find_matches(seen.values(), name, main):
                case []:
                    continue
                case [only]:
                    return only.id
                case several:
                    raise SeveralNames(parameter, kind, given, [await self._candidate(sender, k) for k in several])
        if as_id and not within and (name in await self._ids(sender, resource) or not self._directories[kind].complete):
            return name
        raise await self._no_such_name(sender, parameter, resource, given, seen.values(), within)

    async def _ids(self, sender: Sender, resource: Resource) -> Collection[str]:
        """Every id there is now: one that is not kept may be new."""
        return {one.id for one in await self._load_if_stale(sender, resource, fresh=JUST_NOW)}

    async def _no_such_name(
        self,
        sender: Sender,
        parameter: str,
        resource: Resource,
        given: str,
        seen: Collection[DirectoryEntry],
        within: str,
    ) -> NoSuchName:
        """With the most alike; surely meant is only a near spelling in a directory we know as a whole."""
        name = given.removeprefix("name:").strip()
        if within:
            await self._load_if_stale(sender, self._resources[resource.inside])
            seen = find_matches(self._directories[resource.plural].entries.values(), name) or seen
        like = find_closest(seen, name, always=resource.directory and not name.isdecimal())
        near = [(one, await self._candidate(sender, one)) for one in like]
        here = [(one, told) for one, told in near if within in ("", one.within) and resource.directory]
        surely = [told for one, told in here if is_misspelt(one, name)]
        return NoSuchName(
            parameter,
            resource.plural,
            given,
            [one for _, one in near],
            surely=surely[0] if len(surely) == 1 else None,
            within=self.name(resource.inside, within) if within else "",
        )

    async def _candidate(self, sender: Sender, known: DirectoryEntry) -> Candidate:
        """With what tells it from its namesakes: the pipeline of a stage, the name of a contact."""
        if known.within:
            await self._load_if_stale(sender, self._resources["dealGroups"])
            return Candidate(known.id, known.name, f"in {self.name('dealGroups', known.within)}")
        return Candidate(known.id, known.name, known.names[1] if len(known.names) > 1 and known.detail else "")

    async def suggest(self, sender: Sender, kind: str, begun: str) -> list[str]:
        """The names that begin so, then those that hold it."""
        resource, sought = self._resources[kind], normalize_name(begun)
        if resource.directory:
            known = await self._load_if_stale(sender, resource)
        elif len(sought) < 2:
            known = list(self._directories[kind].entries.values())
        else:
            reply = await sender.send(resource.lister.request({"search": begun.strip()[:100], "limit": PAGE}))
            self.learn(reply.body)
            known = list(self._read(reply.body, resource))
        names = dict.fromkeys(
            one.name for one in known if one.name and any(sought in normalize_name(n) for n in one.names)
        )
        ordered = sorted(names, key=lambda name: (not normalize_name(name).startswith(sought), normalize_name(name)))
        return [f"name:{name}" if is_id(name, resource) else name for name in ordered]

    async def names(self, sender: Sender, wanted: Mapping[str, set[str]]) -> Mapping[str, Mapping[str, str]]:
        """What these ids are called, by kind; an id nobody knows is left out."""
        for kind, ids in wanted.items():
            resource, directory = self._resources[kind], self._directories[kind]
            unknown = tuple(sorted(id for id in ids if not self._recent(directory.entries.get(id))))
            if unknown and resource.directory:
                await self._load_if_stale(sender, resource)
            elif len(unknown) == 1 and not resource.by_ids and resource.reader:
                path = f"{resource.lister.path}/{unknown[0]}"
                self.learn((await sender.send(Request("GET", path, plane=resource.plane, repeatable=True))).body)
            elif unknown and resource.by_ids:
                await self._page(sender, resource, {resource.by_ids: unknown[:PAGE], "limit": str(PAGE)})
        return {kind: {id: name for id in ids if (name := self.name(kind, id))} for kind, ids in wanted.items()}

    def name(self, kind: str, id: str) -> str:
        known = self._directories[kind].entries.get(id)
        return known.name if known else ""

    def resource(self, kind: str) -> Resource:
        return self._resources[kind]

    def entry(self, kind: str, id: str) -> DirectoryEntry | None:
        return self._directories[kind].entries.get(id)

    async def all_of(self, sender: Sender, kind: str) -> Collection[DirectoryEntry]:
        """Everything of a small kind."""
        return await self._load_if_stale(sender, self._resources[kind])

    def learn(self, payload: Json) -> None:
        """Remember what any answer says things are called."""
        for kind, resource in self._resources.items():
            for known in self._read(payload, resource):
                self._directories[kind].add(known)
            if not resource.directory:
                self._directories[kind].forget_oldest(SEEN)

    def forget(self, resource: Resource) -> None:
        """Something of this kind was written: what was fetched before is no longer believed."""
        for kind in (resource.plural, *resource.drops):
            self._directories[kind] = KindDirectory()
        self.answers.clear()

    async def _load_if_stale(
        self, sender: Sender, resource: Resource, _name: str = "", fresh: float = FRESH
    ) -> Collection[DirectoryEntry]:
        """The whole of a small kind; of a large one nothing is kept that a name could be trusted to."""
        if not resource.directory:
            return ()
        async with self._loading[resource.plural]:
            stale = self._clock() - self._directories[resource.plural].loaded > fresh
            while stale:
                stale = not await self._load(sender, resource)
        return self._directories[resource.plural].entries.values()

    async def _search(self, sender: Sender, resource: Resource, name: str) -> Collection[DirectoryEntry]:
        """A second look before a name is refused: it may be too new, or one of too many to keep."""
        directory = self._directories[resource.plural]
        if not resource.find or (directory.complete and self._clock() - directory.loaded <= JUST_NOW):
            return await self._load_if_stale(sender, resource, fresh=JUST_NOW)
        found, complete = await self._pages(sender, resource, resource.find(name))
        if not complete:
            most = f"more than {len(found)} {resource.words}"
            raise BadArguments(f'"{name[:80]}" may be the name of {most}: give the id.')
        return found

    async def _load(self, sender: Sender, resource: Resource) -> bool:
        """All there are, page by page; whether it still holds, since something may have been written meanwhile."""
        before, asked = self._directories[resource.plural], self._clock()
        found, complete = await self._pages(sender, resource, resource.lister.options.get("query", {}))
        if self._directories[resource.plural] is not before:
            return False
        self._directories[resource.plural] = KindDirectory({one.id: one for one in found}, asked, complete)
        return True

    async def _pages(self, sender: Sender, resource: Resource, query: Query) -> tuple[list[DirectoryEntry], bool]:
        """All pages, those after the first at once where it tells how many there are; and whether that was all."""
        if resource.plane == "control":
            return (await self._page(sender, resource, query))[0], True

        def page(number: int) -> Awaitable[tuple[list[DirectoryEntry], int]]:
            return self._page(sender, resource, {**query, "limit": str(PAGE), "offset": str(number * PAGE)})

        found, total = await page(0)
        if len(found) < PAGE:
            return found, True
        told = min(PAGES, -(-total // PAGE))
        more = await gather([page(number) for number in range(1, told)])
        last = more[-1][0] if more else found
        found += [one for rows, _ in more for one in rows]
        for number in range(max(1, told), PAGES):  # more than was told, or nothing was
            if len(last) < PAGE:
                break
            last, _ = await page(number)
            found += last
        return found, len(last) < PAGE or len(found) == total

    async def _page(self, sender: Sender, resource: Resource, query: Query) -> tuple[list[DirectoryEntry], int]:
        """One page, and how many rows there are in all."""
        path = resource.lister.path
        reply = await sender.send(Request("GET", path, query, plane=resource.plane, repeatable=True))
        self.learn(reply.body)
        return list(self._read(reply.body, resource)), as_int(as_object(reply.body.get("meta")).get("total"))

    def _read(self, payload: Json, resource: Resource) -> Iterator[DirectoryEntry]:
        for row in rows_of(payload, resource):
            id, names = row.get(resource.id_key), tuple(str(name) for name in resource.called(row))
            within = str(row.get(resource.within) or "") if resource.within else ""
            facts = resource.facts(payload, row) if resource.facts else {}
            if id and (names or resource.directory):
                yield DirectoryEntry(str(id), names, within, self._clock(), resource.find is not None, facts)

    def _recent(self, known: DirectoryEntry | None) -> bool:
        return known is not None and self._clock() - known.at < FRESH


def rows_of(payload: Json, resource: Resource) -> list[Json]:
    """The rows of this kind in a payload, whether it holds one or many."""
    return [*as_objects(payload.get(resource.plural)), *as_objects([payload.get(resource.singular)])]
