"""Taking contacts or deals out into a file: page by page, so that memory does not grow with them.

Contacts come by id (reference 2.2), deals by offset. After each page it is kept how far the file goes, so that an
export that breaks off goes on where it was.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import Any

from ac_mcp.concurrency import gather
from ac_mcp.errors import Forbidden, NotFound
from ac_mcp.filters.conditions import DEAL_STATUS, Condition
from ac_mcp.filters.contact_query import PAGE, ContactQuery
from ac_mcp.jobs.allowed_files import AllowedFiles
from ac_mcp.jobs.import_table import MORE, WIRE
from ac_mcp.jobs.model import HEARTBEAT_TIMEOUT, Item
from ac_mcp.jobs.runner import JobRun
from ac_mcp.jobs.sources import MatchingDeals
from ac_mcp.jobs.throughput import Halt
from ac_mcp.messages import NO_DEADLINE, Json, Sender, as_int, as_object, as_objects
from ac_mcp.naming.expressions import NameLookup
from ac_mcp.results.csv_table import csv_line
from ac_mcp.results.encoding import render
from ac_mcp.spec.columns import Money

CONTACT = {
    "id": "id", "email": "email", "first_name": "firstName", "last_name": "lastName", "phone": "phone",
    "created": "cdate", "updated": "udate", "last_opened": "last_open_date", "last_clicked": "last_click_date",
}  # fmt: skip
DEAL = (
    "id", "title", "value", "currency", "status", "stage", "pipeline", "owner", "contact", "contact_id", "account_id",
    "created", "updated",
)  # fmt: skip
WORDS = {code: word for word, code in DEAL_STATUS.items()}
PLACES = (("stage", "dealStages", "stage"), ("pipeline", "dealGroups", "group"), ("owner", "users", "owner"))


def columns(plan: Json) -> list[str]:
    """The header of the file."""
    own = [*(DEAL if plan["kind"] == "deals" else CONTACT)]
    for one in plan.get("fields", ()):
        title = str(one["title"])
        own.append(f"{title} (field {one['id']})" if title in own else title)
    return own


def format_row(values: Sequence[Any], form: str, header: Sequence[str]) -> str:
    """One row of the file; nothing in it is a formula for a spreadsheet."""
    if form == "jsonl":
        said = {name: value for name, value in zip(header, values, strict=True) if value not in (None, "")}
        return render(said) + "\n"
    return csv_line(values) + "\n"


def day_or_nothing(value: Any) -> str:
    text = str(value or "")
    return text[:19].replace("T", " ") if text.strip("0-: ") else ""


@dataclass(slots=True)
class ExportRun(JobRun):
    """Items are pages: how many rows there were, how long the file was then, which file it is, and the last id."""

    sender: Sender | None = None
    names: NameLookup | None = None
    path: Path = field(default_factory=Path)
    files: AllowedFiles = field(default_factory=AllowedFiles)
    values: dict[str, dict[int, str]] = field(default_factory=dict[str, dict[int, str]])
    """Of each custom field that is wanted, by contact."""
    _sure_at: float = -inf
    """When the record last said that it is this run that writes, on the wall clock."""

    @property
    def form(self) -> str:
        return str(self.job.plan["format"])

    def stop(self, why: str = "stopped on request") -> None:
        """At once: reading on would be in vain, and the file is known to the last page that is kept."""
        JobRun.stop(self, why)
        self.scope.cancel()

    async def work(self) -> None:
        await self.backoff.run(self._pages)

    async def _pages(self) -> None:
        assert self.sender
        pages = await self.jobs.items(self.job.id, ("done",), 1_000_000)
        kept = as_object(pages[-1].prior) if pages else {}
        last, size = int(pages[-1].subject) if pages else 0, as_int(kept.get("size"))
        try:
            if pages:
                size = self._begin(size, as_int(kept.get("ino")))
            else:
                size = self._made()
                await self._keep(0, 0, 0, size)
            await self._fields()
            page = max(1, len(pages))
            await (self._deals(page, last, size) if self._of_deals else self._contacts(page, last, size))
        except OSError as error:
            raise Halt("interrupted", f"the file cannot be written: {error.strerror}") from error

    @property
    def _of_deals(self) -> bool:
        return self.job.plan["kind"] == "deals"

    async def _fields(self) -> None:
        """The values of the custom fields that are wanted, all of them: they cannot be asked for by the page."""
        for one in self.job.plan.get("fields", ()):
            rows = await ContactQuery(self._sender, (), NO_DEADLINE).values({"filters[fieldid]": one["id"]})
            self.values[one["id"]] = {as_int(row.get("contact")): str(row.get("value") or "") for row in rows}

    @property
    def _sender(self) -> Sender:
        assert self.sender
        return self.sender

    @property
    def _conditions(self) -> list[Condition]:
        return [Condition.from_json(one) for one in self.job.plan.get("conditions", ())]

    async def _contacts(self, page: int, last: int, size: int) -> None:
        async for rows in ContactQuery(self._sender, self._conditions, NO_DEADLINE).pages(last):
            if rows:
                last = max(as_int(row.get("id")) for row in rows)
                size = await self._append(page, [self._contact(row) for row in rows], last, size)
                page += 1

    def _contact(self, row: Json) -> list[Any]:
        dates = ("created", "updated", "last_opened", "last_clicked")
        told = [day_or_nothing(row.get(key)) if name in dates else row.get(key) for name, key in CONTACT.items()]
        own = [self.values[one["id"]].get(as_int(row.get("id")), "") for one in self.job.plan.get("fields", ())]
        return [*told, *(value.strip("|").replace("||", "; ") for value in own)]

    async def _deals(self, page: int, last: int, size: int) -> None:
        known = await self._known()
        async for rows in MatchingDeals(self._sender, self._conditions).pages((page - 1) * PAGE, last):
            people = await self._people(rows)
            last = max(as_int(row.get("id")) for row in rows)
            size = await self._append(page, [deal_row(row, known, people) for row in rows], last, size)
            page += 1

    async def _known(self) -> Mapping[str, Mapping[str, str]]:
        """What stages, pipelines and users are called."""
        assert self.names
        found = await gather([self.names.all_of(self._sender, kind) for _, kind, _ in PLACES])
        return {kind: {one.id: one.name for one in those} for (_, kind, _), those in zip(PLACES, found, strict=True)}

    async def _people(self, rows: Sequence[Json]) -> Mapping[str, str]:
        ids = sorted({as_int(row.get("contact")) for row in rows} - {0})
        found: list[Json] = []
        with suppress(Forbidden, NotFound):
            found = await ContactQuery(self._sender, ()).find_matching({}, ids)
        return {str(row.get("id")): str(row.get("email") or "") for row in found}

    async def _append(self, page: int, rows: Sequence[Sequence[Any]], last: int, size: int) -> int:
        header = columns(self.job.plan)
        text = "".join(format_row(row, self.form, header) for row in rows)
        if self.jobs.journal.now - self._sure_at > HEARTBEAT_TIMEOUT / 3:
            await self.save_now([])  # whoever slept for long may no longer be the one that writes
        size = self._write(text.encode(), size)
        await self._keep(page, len(rows), last, size)
        self.counts["done", "rows"] += len(rows)
        self.throughput.add(len(rows))
        return size

    async def _keep(self, page: int, rows: int, last: int, size: int) -> None:
        """How far the file goes: page 0 is its header."""
        kept: Json = {"size": size, "rows": rows, "ino": self.path.stat().st_ino}
        await self.add([Item(page, 0, str(last), "done", f"{rows} rows", prior=kept)], last)
        self._sure_at = self.jobs.journal.now

    def _made(self) -> int:
        """A new file with its header; one that is there already is nobody's to overwrite."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            self.path.open("xb").close()
        except FileExistsError:
            raise Halt("stopped", "a file of that name is there by now: export to another one") from None
        self.path.chmod(0o600)
        return 0 if self.form == "jsonl" else self._write(format_row(columns(self.job.plan), "csv", ()).encode(), 0)

    def _begin(self, size: int, file: int) -> int:
        """The file as far as it is known to go, if it is the same one still."""
        here = self.path.stat() if self.path.is_file() and not self.path.is_symlink() else None
        if here is None or here.st_size < size or here.st_ino != file or not self.files.may_resume(self.path):
            raise Halt("stopped", "the file of this export is gone or was changed: begin a new one")
        with self.path.open("r+b") as old:
            old.truncate(size)
        return size

    def _write(self, text: bytes, size: int) -> int:
        with self.path.open("r+b") as file:
            file.seek(size)
            file.write(text)
            file.truncate()
        return size + len(text)


def deal_row(row: Json, known: Mapping[str, Mapping[str, str]], people: Mapping[str, str]) -> list[Any]:
    if "value" not in row:  # one that nobody may see any more (reference 5.1)
        return [str(row.get("id")), str(row.get("title") or ""), *[""] * (len(DEAL) - 2)]
    places = [known.get(kind, {}).get(str(row.get(key)), str(row.get(key) or "")) for _, kind, key in PLACES]
    contact = str(row.get("contact") or "")
    return [
        str(row.get("id")),
        str(row.get("title") or ""),
        Money("value").read(row),
        str(row.get("currency") or ""),
        WORDS.get(str(row.get("status")), str(row.get("status") or "")),
        *places,
        people.get(contact, ""),
        contact,
        str(row.get("account") or ""),
        day_or_nothing(row.get("cdate")),
        day_or_nothing(row.get("mdate")),
    ]


def rejected_table(items: Sequence[Item], titles: Mapping[str, str]) -> str:
    """What failed or was left out, the reason first; rows of a table so that they can be imported again."""
    rows = [original_row(item, titles) for item in items]
    header = [key for key in dict.fromkeys(key for row in rows for key in row) if key != "reason"]
    lines = [["reason", *header]]
    lines += [
        [item.reason or item.outcome, *(row.get(key) for key in header)] for item, row in zip(items, rows, strict=True)
    ]
    return "".join(format_row(values, "csv", ()) for values in lines)


def original_row(item: Item, titles: Mapping[str, str]) -> Json:
    """The row as it was in the table, or the contact as it was sent, in columns."""
    kept = item.prior or {}
    if "row" in kept or "email" not in kept:
        return {key: value for key, value in as_object(kept.get("row")).items() if key != MORE} or {"id": item.subject}
    told = {key: kept[key] for key in ("email", *WIRE.values()) if key in kept}
    told |= {"tags": "||".join(kept["tags"])} if kept.get("tags") else {}
    return told | {titles.get(str(one["id"]), str(one["id"])): one["value"] for one in as_objects(kept.get("fields"))}
