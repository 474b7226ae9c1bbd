"""Resolve names to ids in arguments, and look up the names of ids in answers: the directory of one account."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any, TypeAlias

from anyio import Lock

from ac_mcp.errors import BadArguments, Candidate, NoSuchName, NotFound, SeveralNames, most_relevant
from ac_mcp.messages import Json, Request, Sender, as_object, as_objects
from ac_mcp.naming.expressions import parse_field_value, resolve_assignments, resolve_conditions, resolve_list
from ac_mcp.naming.matching import UUID, DirectoryEntry, find_closest, find_matches, is_id, is_misspelt
from ac_mcp.naming.raw_values import parse_raw_values
from ac_mcp.spec.annotations import Ref
from ac_mcp.spec.operation import Operation
from ac_mcp.spec.paging import Page, batches, paging_query, total_of
from ac_mcp.spec.resource import FieldFacts, Resource
from ac_mcp.text import fold

Query: TypeAlias = Mapping[str, str | tuple[str, ...]]
PAGE_SIZE = 100
"""Rows per page."""
MAX_PAGES = 20
"""Pages of one kind that are fetched at most."""
FRESH_SECONDS = 60.0
"""Seconds for which a fetched directory is used."""
RECHECK_SECONDS = 1.0
"""Seconds for which it is used where a name decides which record is changed or deleted, or is about to be refused."""
MAX_REMEMBERED = 2000
"""Names of one large kind (contacts, deals) that are remembered."""


class AnswerCache:
    """Answers that are used for a while, until something is written through this directory."""

    def __init__(self, clock: Callable[[], float], seconds: float) -> None:
        self._clock, self._seconds = clock, seconds
        self._answers: dict[str, tuple[float, Json]] = {}
        self.writes = 0
        """Number of writes so far."""

    def get(self, operation: str) -> Json | None:
        """Return the recent answer of an operation; None if there is none or something was written since."""
        stored_at, answer = self._answers.get(operation, (-inf, None))
        return answer if self._clock() - stored_at < self._seconds else None

    def put(self, operation: str, answer: Json, writes: int) -> None:
        """Store an answer, unless the number of writes is no longer what it was before the answer was read."""
        if writes == self.writes:
            self._answers[operation] = (self._clock(), answer)

    def clear(self) -> None:
        """Drop all answers and count a write."""
        self._answers.clear()
        self.writes += 1


@dataclass(slots=True)
class KindDirectory:
    """The entries of one kind, by id, the most recently seen last."""

    entries: dict[str, DirectoryEntry] = field(default_factory=dict[str, DirectoryEntry])
    loaded_at: float = -inf
    """When all pages were fetched, in seconds on the directory's clock."""
    complete: bool = False
    """Whether the pages held every record there is."""

    def add(self, entry: DirectoryEntry) -> None:
        """Add or replace an entry, as the most recent one."""
        self.entries.pop(entry.id, None)
        self.entries[entry.id] = entry

    def forget_oldest(self, most: int) -> None:
        """Drop the oldest entries beyond this number."""
        while len(self.entries) > most:
            del self.entries[next(iter(self.entries))]


class NameDirectory:
    """The names of one account as one caller sees them.

    Small kinds (`Resource.directory`) are fetched as a whole and used for `FRESH_SECONDS` of `clock`. Large ones are
    searched by name. Kinds are named by the plural of their resource, such as "dealStages".
    """

    def __init__(self, resources: Iterable[Resource], clock: Callable[[], float]) -> None:
        self._resources = {resource.plural: resource for resource in resources}
        self._directories = {kind: KindDirectory() for kind in self._resources}
        self._loading = {kind: Lock() for kind in self._resources}
        self._clock = clock
        self.answers = AnswerCache(clock, FRESH_SECONDS)

    async def resolve(self, sender: Sender, operation: Operation[..., Any], arguments: Json) -> Json:
        """Return the arguments with every name replaced by its id.

        Raises:
            NoSuchName, SeveralNames: if a name does not stand for exactly one thing.
            BadArguments: if a condition or the value of a custom field is invalid.
        """
        resolved, errors = dict(arguments), dict[str, NoSuchName | SeveralNames]()
        for parameter, ref in sorted(operation.references.items(), key=lambda item: bool(item[1].within)):
            if arguments.get(parameter) is None or {ref.within, ref.beside} & errors.keys():
                continue
            try:
                resolved[parameter] = await self._resolve_argument(sender, operation, parameter, resolved)
            except (NoSuchName, SeveralNames) as error:
                errors[parameter] = error
        if errors:
            raise most_relevant(list(errors.values()))
        for parameter, target in operation.values.items():
            resource, text = self._resources[operation.references[target].kind], arguments[parameter]
            entry = self._directories[resource.plural].entries.get(resolved[target])
            resolved[parameter] = parse_field_value(resource, entry, text, parameter, arguments, str)
        return await parse_raw_values(self, sender, operation, resolved)

    async def _resolve_argument(
        self, sender: Sender, operation: Operation[..., Any], parameter: str, resolved: Json
    ) -> Any:
        """Return one argument with ids for its names; `resolved` has ids for the arguments it depends on."""
        ref, argument, main = operation.references[parameter], resolved[parameter], operation.names_target(parameter)
        if main:
            await self._load_if_stale(sender, self._resources[ref.kind], fresh=RECHECK_SECONDS)
        if ref.assigned:
            return await resolve_assignments(self, sender, parameter, ref.kind, argument, resolved)
        if ref.conditions:
            return await resolve_conditions(self, sender, parameter, ref.kind, argument, resolved)
        if ref.several:
            return await resolve_list(self, sender, parameter, ref.kind, argument)
        within = str(resolved.get(ref.within) or "") or await self._fetch_within(sender, operation, ref, resolved)
        target = operation.method if main else ""
        return await self.id(sender, parameter, ref.kind, argument, within, target=target)

    async def _fetch_within(self, sender: Sender, operation: Operation[..., Any], ref: Ref, resolved: Json) -> str:
        """Return the id that narrows a name, from the record that is to change: for a stage, its deal's pipeline."""
        if not ref.beside:
            return ""
        target = self._resources[operation.references[ref.beside].kind]
        path = f"{target.lister.path}/{resolved[ref.beside]}"
        response = await sender.send(Request("GET", path, plane=target.plane, repeatable=True))
        return str(as_object(response.body.get(target.singular)).get(self._resources[ref.kind].lookup.within) or "")

    async def id(
        self,
        sender: Sender,
        parameter: str,
        kind: str,
        text: str,
        within: str = "",
        *,
        target: str = "",
    ) -> str:
        """Return the id of the one thing that a name or id stands for.

        `name:5` and `id:5` say what a number is. `within` is the id of what has to contain it (a stage's pipeline),
        `parameter` the one that errors name. `target` is the method that changes or deletes it: only main names count.

        Raises:
            NoSuchName: if there is no such thing.
            SeveralNames: if several things have this name, or one has it as its name and another as its id.
            BadArguments: if too many things match to tell.
        """
        resource = self._resources[kind]
        name, as_id, only_id = parse_reference(text, resource)
        if as_id and self._is_surely_id(resource, name, only_id, target == "DELETE"):
            return name
        seen: dict[str, DirectoryEntry] = {}
        for look_up in (self._load_if_stale, self._search):
            entries = await look_up(sender, resource, name)
            seen |= {entry.id: entry for entry in entries if within in ("", entry.within)}
            if look_up == self._load_if_stale and resource.lookup.find and not self._directories[kind].complete:
                continue  # the directory is incomplete: only the search tells whether the name is unique
            matches = [] if only_id else find_matches(seen.values(), name, bool(target))
            match await self._with_own_id(sender, resource, matches, seen, name if as_id else ""):
                case []:
                    continue
                case [only]:
                    return only.id
                case several:
                    raise SeveralNames(parameter, kind, text, [await self._describe(sender, e) for e in several])
        if as_id and not within and await self._may_exist(sender, resource, name):
            return name
        raise await self._no_such_name_error(sender, parameter, resource, text, seen.values(), within)

    async def _may_exist(self, sender: Sender, resource: Resource, id: str) -> bool:
        """Return whether a record of this id exists, or not all are known."""
        ids = await self._fetch_ids(sender, resource) if resource.lookup.directory else ()
        return id in ids or not self._directories[resource.plural].complete

    async def _with_own_id(
        self,
        sender: Sender,
        resource: Resource,
        matches: list[DirectoryEntry],
        seen: Mapping[str, DirectoryEntry],
        id: str,
    ) -> list[DirectoryEntry]:
        """Return the entries of a name and the one that has it as its id, if there is one; `id` is "" for no number."""
        others = [entry for entry in matches if entry.id != id]
        if id and (id in seen or (others and await self._exists(sender, resource, id))):
            return [seen.get(id, DirectoryEntry(id, ())), *others]
        return others

    def _is_surely_id(self, resource: Resource, text: str, only_id: bool, deletes: bool) -> bool:
        """Return whether a text that has the form of an id need not be looked for among the names."""
        if resource.plane == "control":
            return UUID.fullmatch(text) is not None
        if resource.lookup.directory:
            return False
        if only_id or resource.lookup.never_numbers or not resource.lookup.find:
            return True
        return not deletes and self._is_recent(self._directories[resource.plural].entries.get(text))

    async def _exists(self, sender: Sender, resource: Resource, id: str) -> bool:
        """Return whether a record of this id exists, which the directory does not hold."""
        if self._directories[resource.plural].complete:
            return False
        try:
            path = f"{resource.lister.path}/{id}"
            self.learn((await sender.send(Request("GET", path, plane=resource.plane, repeatable=True))).body)
        except NotFound:
            return False
        return True

    async def _fetch_ids(self, sender: Sender, resource: Resource) -> Collection[str]:
        """Return every id of a small kind as of now: an id that is not in the directory may be new."""
        return {entry.id for entry in await self._load_if_stale(sender, resource, fresh=RECHECK_SECONDS)}

    async def _no_such_name_error(
        self,
        sender: Sender,
        parameter: str,
        resource: Resource,
        text: str,
        seen: Collection[DirectoryEntry],
        within: str,
    ) -> NoSuchName:
        """Return the error with the most similar names.

        It calls one of them certain only if that is the only near spelling in a kind that is fetched as a whole.
        """
        name = text.removeprefix("name:").removeprefix("id:").strip()
        if within:
            await self._load_if_stale(sender, self._resources[resource.lookup.inside])
            seen = find_matches(self._directories[resource.plural].entries.values(), name) or seen
        closest = find_closest(seen, name, always=resource.lookup.directory and not name.isdecimal())
        candidates = [(entry, await self._describe(sender, entry)) for entry in closest]
        certain = [
            candidate
            for entry, candidate in candidates
            if resource.lookup.directory and within in ("", entry.within) and is_misspelt(entry, name)
        ]
        return NoSuchName(
            parameter,
            resource.plural,
            text,
            [candidate for _, candidate in candidates],
            surely=certain[0] if len(certain) == 1 else None,
            within=self.name(resource.lookup.inside, within) if within else "",
        )

    async def _describe(self, sender: Sender, entry: DirectoryEntry) -> Candidate:
        """Return the entry with what tells it from others of its name: a stage's pipeline, a contact's name."""
        if entry.within:
            await self._load_if_stale(sender, self._resources["dealGroups"])
            return Candidate(entry.id, entry.name, f"in {self.name('dealGroups', entry.within)}")
        return Candidate(entry.id, entry.name, entry.names[1] if len(entry.names) > 1 and entry.detail else "")

    async def suggest(self, sender: Sender, kind: str, typed: str) -> list[str]:
        """Return the names that contain the typed text; those that begin with it come first."""
        resource, normalized = self._resources[kind], fold(typed)
        if resource.lookup.directory:
            entries = await self._load_if_stale(sender, resource)
        elif len(normalized) < 2:
            entries = list(self._directories[kind].entries.values())
        else:
            response = await sender.send(resource.lister.request({"search": typed.strip()[:100], "limit": PAGE_SIZE}))
            self.learn(response.body)
            entries = list(self._parse_entries(response.body, resource))
        names = dict.fromkeys(
            entry.name for entry in entries if entry.name and any(normalized in fold(name) for name in entry.names)
        )
        ordered = sorted(names, key=lambda n: (not fold(n).startswith(normalized), fold(n)))
        return [f"name:{name}" if is_id(name, resource) else name for name in ordered]

    async def names(self, sender: Sender, ids_by_kind: Mapping[str, set[str]]) -> Mapping[str, Mapping[str, str]]:
        """Return `{kind: {id: name}}`, fetching the names that are not in the directory; unknown ids are left out."""
        for kind, ids in ids_by_kind.items():
            resource, directory = self._resources[kind], self._directories[kind]
            missing = tuple(sorted(id for id in ids if not self._is_recent(directory.entries.get(id))))
            if missing and resource.lookup.directory:
                await self._load_if_stale(sender, resource)
            elif len(missing) == 1 and not resource.lookup.by_ids and resource.reader:
                path = f"{resource.lister.path}/{missing[0]}"
                self.learn((await sender.send(Request("GET", path, plane=resource.plane, repeatable=True))).body)
            elif missing and resource.lookup.by_ids:
                query = {resource.lookup.by_ids: missing[:PAGE_SIZE], "limit": str(PAGE_SIZE)}
                await self._fetch_page(sender, resource, query)
        return {kind: {id: name for id in ids if (name := self.name(kind, id))} for kind, ids in ids_by_kind.items()}

    def name(self, kind: str, id: str) -> str:
        """Return the name of an id; "" if it is not in the directory."""
        entry = self._directories[kind].entries.get(id)
        return entry.name if entry else ""

    def resource(self, kind: str) -> Resource:
        """Return the resource of a kind."""
        return self._resources[kind]

    def entry(self, kind: str, id: str) -> DirectoryEntry | None:
        """Return the entry of an id; None if it is not in the directory."""
        return self._directories[kind].entries.get(id)

    async def all_of(self, sender: Sender, kind: str) -> Collection[DirectoryEntry]:
        """Return every entry of a small kind; nothing of a large one."""
        return await self._load_if_stale(sender, self._resources[kind])

    def learn(self, payload: Json) -> None:
        """Remember the names in the body of any response."""
        for kind, resource in self._resources.items():
            for entry in self._parse_entries(payload, resource):
                self._directories[kind].add(entry)
            if not resource.lookup.directory:
                self._directories[kind].forget_oldest(MAX_REMEMBERED)

    def forget(self, resource: Resource) -> None:
        """Drop what was fetched of this kind and of those that depend on it, since something of it was written."""
        for kind in (resource.plural, *resource.lookup.drops):
            self._directories[kind] = KindDirectory()
        self.answers.clear()

    async def _load_if_stale(
        self, sender: Sender, resource: Resource, _name: str = "", fresh: float = FRESH_SECONDS
    ) -> Collection[DirectoryEntry]:
        """Return every entry of a small kind, at most `fresh` seconds old; nothing of a large kind.

        What is remembered of a large kind is incomplete, so a name in it may not be unique.
        """
        if not resource.lookup.directory:
            return ()
        async with self._loading[resource.plural]:
            stale = self._clock() - self._directories[resource.plural].loaded_at > fresh
            while stale:
                stale = not await self._load(sender, resource)
        return self._directories[resource.plural].entries.values()

    async def _search(self, sender: Sender, resource: Resource, name: str) -> Collection[DirectoryEntry]:
        """Look again before a name is refused: the thing may be new, or of a kind too large to fetch as a whole.

        Raises:
            BadArguments: if more things match than can be fetched.
        """
        directory = self._directories[resource.plural]
        if not resource.lookup.find or (directory.complete and self._clock() - directory.loaded_at <= RECHECK_SECONDS):
            return await self._load_if_stale(sender, resource, fresh=RECHECK_SECONDS)
        if is_id(name, resource) and not resource.lookup.directory:  # an id most likely: one page is enough to doubt it
            query = {**resource.lookup.find(name), **paging_query(0, PAGE_SIZE)}
            return list(self._parse_entries(await self._fetch_page(sender, resource, query), resource))
        entries, complete = await self._fetch_pages(sender, resource, resource.lookup.find(name))
        if not complete:
            most = f"more than {len(entries)} {resource.words}"
            raise BadArguments(f'"{name[:80]}" may be the name of {most}: give the id.')
        return entries

    async def _load(self, sender: Sender, resource: Resource) -> bool:
        """Fetch a whole kind; return False if something of it was written meanwhile, so that it is stale already."""
        before, started_at = self._directories[resource.plural], self._clock()
        entries, complete = await self._fetch_pages(sender, resource, resource.lister.options.encoding.query)
        if self._directories[resource.plural] is not before:
            return False
        self._directories[resource.plural] = KindDirectory({e.id: e for e in entries}, started_at, complete)
        return True

    async def _fetch_pages(self, sender: Sender, resource: Resource, query: Query) -> tuple[list[DirectoryEntry], bool]:
        """Fetch up to `MAX_PAGES` pages; return their entries and whether those are all.

        After the first page the others are fetched at once, as far as `meta.total` tells how many there are.
        """
        if resource.plane == "control":
            return list(self._parse_entries(await self._fetch_page(sender, resource, query), resource)), True

        entries: dict[int, list[DirectoryEntry]] = {}

        async def fetch(offset: int) -> Page:
            body = await self._fetch_page(sender, resource, {**query, **paging_query(offset, PAGE_SIZE)})
            entries[offset] = list(self._parse_entries(body, resource))
            return Page(rows_of(body, resource), total_of(body))

        count, complete = 0, False
        async for batch in batches(fetch, PAGE_SIZE * MAX_PAGES, at_once=MAX_PAGES, size=PAGE_SIZE):
            count += sum(len(page.rows) for page in batch)
            complete = len(batch[-1].rows) < PAGE_SIZE or count == batch[0].total
        return [entry for offset in sorted(entries) for entry in entries[offset]], complete

    async def _fetch_page(self, sender: Sender, resource: Resource, query: Query) -> Json:
        """Fetch one page, learn its names, and return its body."""
        path = resource.lister.path
        response = await sender.send(Request("GET", path, query, plane=resource.plane, repeatable=True))
        self.learn(response.body)
        return response.body

    def _parse_entries(self, payload: Json, resource: Resource) -> Iterator[DirectoryEntry]:
        """Yield the entries of this kind in the body of a response."""
        for row in rows_of(payload, resource):
            id, names = row.get(resource.api.id_key), tuple(str(name) for name in resource.lookup.called(row))
            within = str(row.get(resource.lookup.within) or "") if resource.lookup.within else ""
            facts = resource.lookup.facts(payload, row) if resource.lookup.facts else FieldFacts()
            if id and (names or resource.lookup.directory):
                yield DirectoryEntry(
                    str(id), names, within, seen_at=self._clock(), detail=resource.lookup.find is not None, facts=facts
                )

    def _is_recent(self, entry: DirectoryEntry | None) -> bool:
        return entry is not None and self._clock() - entry.seen_at < FRESH_SECONDS


def parse_reference(text: str, resource: Resource) -> tuple[str, bool, bool]:
    """Return the name in a reference, whether it may be an id, and whether `id:` says that it is one."""
    name = " ".join(text.removeprefix("name:").removeprefix("id:").split())
    return name, not text.startswith("name:") and is_id(name, resource), text.startswith("id:")


def rows_of(payload: Json, resource: Resource) -> list[Json]:
    """Return the rows of this kind in a body, whether it holds one or many."""
    return [*as_objects(payload.get(resource.plural)), *as_objects([payload.get(resource.singular)])]
