"""Exports: contacts or deals written to a file page by page, in constant memory.

Contacts are read by id (reference 2.2), deals by offset. The size of the file is saved after each page, so that an
interrupted export continues there.
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
from ac_mcp.jobs.import_table import API_NAMES, EXTRA_CELLS
from ac_mcp.jobs.model import HEARTBEAT_TIMEOUT, Item
from ac_mcp.jobs.runner import JobRun
from ac_mcp.jobs.sources import MatchingDeals
from ac_mcp.messages import NO_DEADLINE, Json, Sender, as_int, as_object, as_objects
from ac_mcp.naming.expressions import NameLookup
from ac_mcp.results.csv_table import csv_line
from ac_mcp.results.encoding import render
from ac_mcp.spec.columns import Money
from ac_mcp.spec.job_plan import JobPlan
from ac_mcp.spec.values import MULTIPLE_CHOICE

CONTACT_COLUMNS = {
    "id": "id", "email": "email", "first_name": "firstName", "last_name": "lastName", "phone": "phone",
    "created": "cdate", "updated": "udate", "last_opened": "last_open_date", "last_clicked": "last_click_date",
}  # fmt: skip
"""The API's name of each column of contacts."""
DEAL_COLUMNS = (
    "id", "title", "value", "currency", "status", "stage", "pipeline", "owner", "contact", "contact_id", "account_id",
    "created", "updated",
)  # fmt: skip
DEAL_STATUS_WORDS = {code: word for word, code in DEAL_STATUS.items()}
DEAL_REFERENCES = (("dealStages", "stage"), ("dealGroups", "group"), ("users", "owner"))
"""The kind of thing and the API's attribute of the columns stage, pipeline and owner, in that order."""


def columns(plan: JobPlan) -> list[str]:
    """Return the columns of an export; a custom field with an earlier column's title also has its id in its name."""
    names = [*(DEAL_COLUMNS if plan["kind"] == "deals" else CONTACT_COLUMNS)]
    for custom_field in plan.get("fields", ()):
        title = str(custom_field["title"])
        names.append(f"{title} (field {custom_field['id']})" if title in names else title)
    return names


def format_row(values: Sequence[Any], form: str, header: Sequence[str]) -> str:
    """Return a row of the file as "csv" or "jsonl", with its line break. No CSV cell is a formula to a spreadsheet."""
    if form == "jsonl":
        row = {name: value for name, value in zip(header, values, strict=True) if value not in (None, "")}
        return render(row) + "\n"
    return csv_line(values) + "\n"


def format_date(value: Any) -> str:
    """Return a date of the API as "2026-01-31 09:30:00"; "" for none, which the API also writes as zeros."""
    text = str(value or "")
    return text[:19].replace("T", " ") if text.strip("0-: ") else ""


@dataclass(slots=True)
class ExportRun(JobRun):
    """An export that runs in this process.

    Its items are pages. The subject of a page is its last id. Its `prior` is `{"rows": ..., "size": ..., "ino": ...}`:
    the number of its rows, and the size in bytes and the inode of the file after it.
    """

    names: NameLookup = field(kw_only=True)
    path: Path = field(kw_only=True)
    files: AllowedFiles = field(kw_only=True)
    values: dict[str, dict[int, str]] = field(default_factory=dict[str, dict[int, str]], init=False)
    """The values of each custom field that is a column, by field id and contact id."""
    multiple: set[str] = field(default_factory=set[str], init=False)
    """The ids of the custom fields that hold several choices."""
    _confirmed_at: float = field(default=-inf, init=False)
    """When the journal last confirmed that no other process has taken the job over, on the wall clock."""

    @property
    def sender(self) -> Sender:
        """The sender of the run."""
        return self.context.sender

    @property
    def format(self) -> str:
        """The format of the file: csv or jsonl."""
        return str(self.job.plan.get("format"))

    def stop(self, reason: str = "stopped on request") -> None:
        """Stop at once. The file is valid up to the last saved page."""
        JobRun.stop(self, reason)
        self.scope.cancel()

    async def work(self) -> None:
        """Write the missing pages to the file.

        Raises:
            Halt: if the file cannot be written, or is no longer the one that the export began.
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
        """Fetch all values of the custom fields that are columns: the API cannot filter them by a page of contacts."""
        for column in self.job.plan.get("fields", ()):
            rows = await ContactQuery(self.sender, (), NO_DEADLINE).values({"filters[fieldid]": column["id"]})
            self.values[column["id"]] = {as_int(row.get("contact")): str(row.get("value") or "") for row in rows}
        if self.values:
            entries = await self.names.all_of(self.sender, "fields")
            self.multiple = {entry.id for entry in entries if entry.facts.get("type") in MULTIPLE_CHOICE}

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
        standard = [
            format_date(row.get(key)) if name in dates else row.get(key) for name, key in CONTACT_COLUMNS.items()
        ]
        id = as_int(row.get("id"))
        ids = [str(column["id"]) for column in self.job.plan.get("fields", ())]
        return [*standard, *(self._field_text(field, self.values[field].get(id, "")) for field in ids)]

    def _field_text(self, field: str, value: str) -> str:
        """Return the value of a custom field as a cell: several choices with semicolons between."""
        return value.strip("|").replace("||", "; ") if field in self.multiple else value

    async def _write_deals(self, page: int, last_id: int, size: int) -> None:
        names = await self._fetch_names()
        async for rows in MatchingDeals(self.sender, self._conditions).pages((page - 1) * PAGE, last_id):
            emails = await self._fetch_emails(rows)
            last_id = max(as_int(row.get("id")) for row in rows)
            size = await self._append(page, [deal_row(row, names, emails) for row in rows], last_id, size)
            page += 1

    async def _fetch_names(self) -> Mapping[str, Mapping[str, str]]:
        """Return the names of stages, pipelines and users, by kind and id."""
        entries = await gather([self.names.all_of(self.sender, kind) for kind, _ in DEAL_REFERENCES])
        return {
            kind: {entry.id: entry.name for entry in of_kind}
            for (kind, _), of_kind in zip(DEAL_REFERENCES, entries, strict=True)
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
            await self.save_now([])  # after a long sleep another process may run the export
        size = self._write(text.encode(), size)
        await self._save_page(page, len(rows), last_id, size)
        self.counts["done", "rows"] += len(rows)
        self.throughput.add(len(rows))
        return size

    async def _save_page(self, page: int, rows: int, last_id: int, size: int) -> None:
        """Save the size of the file after a page. Page 0 is its header."""
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
        """Cut the file to its saved pages and return that size.

        Raises:
            Halt: if it no longer is the same file.
        """
        stat = self.path.stat() if self.path.is_file() and not self.path.is_symlink() else None
        if stat is None or stat.st_size < size or stat.st_ino != inode or not self.files.may_resume(self.path):
            raise Halt("stopped", "the file of this export is gone or was changed: begin a new one")
        with self.path.open("r+b") as file:
            file.truncate(size)
        return size

    def _write(self, text: bytes, size: int) -> int:
        """Write at this size, cut off what follows, and return the new size."""
        with self.path.open("r+b") as file:
            file.seek(size)
            file.write(text)
            file.truncate()
        return size + len(text)


def deal_row(row: Json, names: Mapping[str, Mapping[str, str]], emails: Mapping[str, str]) -> list[Any]:
    """Return the cells of a deal; `names` by kind and id, `emails` by contact id."""
    if "value" not in row:  # a stub: the user may not see this deal (reference 5.1)
        return [str(row.get("id")), str(row.get("title") or ""), *[""] * (len(DEAL_COLUMNS) - 2)]
    references = [names.get(kind, {}).get(str(row.get(key)), str(row.get(key) or "")) for kind, key in DEAL_REFERENCES]
    contact = str(row.get("contact") or "")
    return [
        str(row.get("id")),
        str(row.get("title") or ""),
        Money("value").read(row),
        str(row.get("currency") or ""),
        DEAL_STATUS_WORDS.get(str(row.get("status")), str(row.get("status") or "")),
        *references,
        emails.get(contact, ""),
        contact,
        str(row.get("account") or ""),
        format_date(row.get("cdate")),
        format_date(row.get("mdate")),
    ]


def rejected_table(items: Sequence[Item], titles: Mapping[str, str]) -> str:
    """Return the CSV table of items that failed or were left out: the reason, then columns that can be imported again.

    `titles` are the titles of custom fields by id.
    """
    rows = [original_row(item, titles) for item in items]
    header = [key for key in dict.fromkeys(key for row in rows for key in row) if key != "reason"]
    lines = [["reason", *header]]
    lines += [
        [item.reason or item.outcome, *(row.get(key) for key in header)] for item, row in zip(items, rows, strict=True)
    ]
    return "".join(format_row(values, "csv", ()) for values in lines)


def original_row(item: Item, titles: Mapping[str, str]) -> Json:
    """Return the row that an item comes from, or the contact that was sent, by column; without either only the id."""
    prior = item.prior or {}
    if "row" in prior or "email" not in prior:
        cells = {key: value for key, value in as_object(prior.get("row")).items() if key != EXTRA_CELLS}
        return cells or {"id": item.subject}
    row = {key: prior[key] for key in ("email", *API_NAMES.values()) if key in prior}
    if prior.get("tags"):
        row["tags"] = "||".join(prior["tags"])
    for value in as_objects(prior.get("fields")):
        id = str(value["id"])
        row[titles.get(id, id)] = value["value"]
    return row
