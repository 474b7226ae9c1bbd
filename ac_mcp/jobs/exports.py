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
from ac_mcp.jobs.backoff import Halt
from ac_mcp.jobs.import_table import MORE, WIRE
from ac_mcp.jobs.model import HEARTBEAT_TIMEOUT, Item
from ac_mcp.jobs.runner import JobRun
from ac_mcp.jobs.sources import MatchingDeals
from ac_mcp.messages import NO_DEADLINE, Json, Sender, as_int, as_object, as_objects
from ac_mcp.naming.expressions import NameLookup
from ac_mcp.results.csv_table import csv_line
from ac_mcp.results.encoding import render
from ac_mcp.spec.columns import Money
from ac_mcp.spec.job_plan import JobPlan

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


def columns(plan: JobPlan) -> list[str]:
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


def date_or_nothing(value: Any) -> str:
    text = str(value or "")
    return text[:19].replace("T", " ") if text.strip("0-: ") else ""


@dataclass(slots=True)
class ExportRun(JobRun):
    """An export that runs in this process.

    Its items are pages. The subject of a page is its last id; `prior` holds the rows of the page, and the size and the
    inode of the file after it.
    """

    names: NameLookup = field(kw_only=True)
    path: Path = field(kw_only=True)
    files: AllowedFiles = field(kw_only=True)
    values: dict[str, dict[int, str]] = field(default_factory=dict[str, dict[int, str]], init=False)
    """The values of each custom field that is a column, by contact."""
    _confirmed_at: float = field(default=-inf, init=False)
    """When the journal last showed that this run is the one that writes, on the wall clock."""

    @property
    def sender(self) -> Sender:
        return self.context.sender

    @property
    def format(self) -> str:
        """The format of the file: csv or jsonl."""
        return str(self.job.plan.get("format"))

    def stop(self, reason: str = "stopped on request") -> None:
        """Stop at once. The file is good up to the last page that was saved."""
        JobRun.stop(self, reason)
        self.scope.cancel()

    async def work(self) -> None:
        """Write the pages that are missing in the file.

        Raises:
            Halt: if the file cannot be written, or is not the one that was begun.
        """
        await self.backoff.run(self._write_pages)

    async def _write_pages(self) -> None:
        pages = await self.jobs.items(self.job.id, ("done",), 1_000_000)
        last_page = as_object(pages[-1].prior) if pages else {}
        last_id, size = int(pages[-1].subject) if pages else 0, as_int(last_page.get("size"))
        try:
            if pages:
                size = self._reopen(size, as_int(last_page.get("ino")))
            else:
                size = self._create()
                await self._save_page(0, 0, 0, size)
            await self._fetch_field_values()
            page = max(1, len(pages))
            write = self._write_deals if self.job.plan["kind"] == "deals" else self._write_contacts
            await write(page, last_id, size)
        except OSError as error:
            raise Halt("interrupted", f"the file cannot be written: {error.strerror}") from error

    async def _fetch_field_values(self) -> None:
        """Fetch all values of the custom fields that are columns: the API cannot be asked for those of a page."""
        for column in self.job.plan.get("fields", ()):
            rows = await ContactQuery(self.sender, (), NO_DEADLINE).values({"filters[fieldid]": column["id"]})
            self.values[column["id"]] = {as_int(row.get("contact")): str(row.get("value") or "") for row in rows}

    @property
    def _conditions(self) -> list[Condition]:
        return [Condition.from_json(stored) for stored in self.job.plan.get("conditions", ())]

    async def _write_contacts(self, page: int, last_id: int, size: int) -> None:
        async for rows in ContactQuery(self.sender, self._conditions, NO_DEADLINE).pages(last_id):
            if rows:
                last_id = max(as_int(row.get("id")) for row in rows)
                size = await self._append(page, [self._contact_row(row) for row in rows], last_id, size)
                page += 1

    def _contact_row(self, row: Json) -> list[Any]:
        dates = ("created", "updated", "last_opened", "last_clicked")
        own = [date_or_nothing(row.get(key)) if name in dates else row.get(key) for name, key in CONTACT.items()]
        id = as_int(row.get("id"))
        values = [self.values[column["id"]].get(id, "") for column in self.job.plan.get("fields", ())]
        return [*own, *(value.strip("|").replace("||", "; ") for value in values)]

    async def _write_deals(self, page: int, last_id: int, size: int) -> None:
        names = await self._fetch_names()
        async for rows in MatchingDeals(self.sender, self._conditions).pages((page - 1) * PAGE, last_id):
            emails = await self._fetch_emails(rows)
            last_id = max(as_int(row.get("id")) for row in rows)
            size = await self._append(page, [deal_row(row, names, emails) for row in rows], last_id, size)
            page += 1

    async def _fetch_names(self) -> Mapping[str, Mapping[str, str]]:
        """Return the names of stages, pipelines and users, by kind and id."""
        entries = await gather([self.names.all_of(self.sender, kind) for _, kind, _ in PLACES])
        return {
            kind: {entry.id: entry.name for entry in of_kind}
            for (_, kind, _), of_kind in zip(PLACES, entries, strict=True)
        }

    async def _fetch_emails(self, deals: Sequence[Json]) -> Mapping[str, str]:
        """Return the e-mail addresses of the contacts of these deals, by contact id."""
        ids = sorted({as_int(deal.get("contact")) for deal in deals} - {0})
        rows: list[Json] = []
        with suppress(Forbidden, NotFound):
            rows = await ContactQuery(self.sender, ()).find_matching({}, ids)
        return {str(row.get("id")): str(row.get("email") or "") for row in rows}

    async def _append(self, page: int, rows: Sequence[Sequence[Any]], last_id: int, size: int) -> int:
        """Append a page to the file, save it in the journal, and return the new size of the file in bytes."""
        header = columns(self.job.plan)
        text = "".join(format_row(row, self.format, header) for row in rows)
        if self.jobs.journal.now - self._confirmed_at > HEARTBEAT_TIMEOUT / 3:
            await self.save_now([])  # after a long sleep another process may write the file
        size = self._write(text.encode(), size)
        await self._save_page(page, len(rows), last_id, size)
        self.counts["done", "rows"] += len(rows)
        self.throughput.add(len(rows))
        return size

    async def _save_page(self, page: int, rows: int, last_id: int, size: int) -> None:
        """Save how far the file goes. Page 0 is its header."""
        prior: Json = {"size": size, "rows": rows, "ino": self.path.stat().st_ino}
        await self.add([Item(page, 0, str(last_id), "done", f"{rows} rows", prior=prior)], last_id)
        self._confirmed_at = self.jobs.journal.now

    def _create(self) -> int:
        """Create the file with its header and return its size. A file that exists is never overwritten."""
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            self.path.open("xb").close()
        except FileExistsError:
            raise Halt("stopped", "a file of that name is there by now: export to another one") from None
        self.path.chmod(0o600)
        return 0 if self.format == "jsonl" else self._write(format_row(columns(self.job.plan), "csv", ()).encode(), 0)

    def _reopen(self, size: int, inode: int) -> int:
        """Cut the file to the pages that were saved, if it still is the same file."""
        stat = self.path.stat() if self.path.is_file() and not self.path.is_symlink() else None
        if stat is None or stat.st_size < size or stat.st_ino != inode or not self.files.may_resume(self.path):
            raise Halt("stopped", "the file of this export is gone or was changed: begin a new one")
        with self.path.open("r+b") as file:
            file.truncate(size)
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
        date_or_nothing(row.get("cdate")),
        date_or_nothing(row.get("mdate")),
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
