"""Contacts in from a table, contacts and deals out into a file: nothing is lost, and nothing is a formula."""

import csv
import io
import json
from collections import Counter
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp import MCPError

from ac_mcp.calls.execute import execute
from ac_mcp.errors import BadArguments, ConfirmationRequired
from ac_mcp.jobs.allowed_files import AllowedFiles
from ac_mcp.jobs.exports import format_row
from ac_mcp.jobs.import_table import CustomField, parse_table, prepare_table
from ac_mcp.messages import Json
from ac_mcp.operations import OPERATIONS
from ac_mcp.sandbox import Sandbox
from tests.jobs.test_bulk import fresh
from tests.support import FOLDER, connected, in_virtual_time, trial
from tests.tables import one, query, store_of

PLAN = CustomField("1", "Plan", ("Plan", "PLAN"), lambda text: text if text != "Gold" else wrong("takes Free, Team"))
NONE: dict[str, str] = {}
NO_FIELDS: list[CustomField] = []


def wrong(text: str) -> str:
    raise ValueError(text)


def taken(text: str, asked: Json | None = None, beside: Json | None = None) -> Any:
    headers, rows = parse_table(text)
    return anyio.run(prepare_table, headers, rows, asked or {}, [PLAN], beside or {})


TABLES: tuple[tuple[str, str, list[Json]], ...] = (
    ("plain", "email,first_name\nann@x.example,Ann\n",
     [{"email": "ann@x.example", "first_name": "Ann"}]),
    ("semicolons, BOM, CRLF", "\ufeffE-Mail;Nachname\r\nann@x.example;Öz\r\n",
     [{"email": "ann@x.example", "last_name": "Öz"}]),
    ("tabs", "Email\tPhone\nann@x.example\t+1 5\n",
     [{"email": "ann@x.example", "phone": "+1 5"}]),
    ("quotes with a line break", 'email,company\nann@x.example,"A, B\nC"\n',
     [{"email": "ann@x.example", "customer_acct_name": "A, B\nC"}]),
    ("addresses alone", "ann@x.example\nbob@x.example",
     [{"email": "ann@x.example"}, {"email": "bob@x.example"}]),
    ("JSON", '[{"email": "ann@x.example", "phone": 5, "plan": null}]', [{"email": "ann@x.example", "phone": "5"}]),
    ("JSON lines", '{"email": "ann@x.example"}\n{"email": "bob@x.example"}',
     [{"email": "ann@x.example"}, {"email": "bob@x.example"}]),
    ("a whole name", "email,name\nann@x.example,Ann van Dyk",
     [{"email": "ann@x.example", "first_name": "Ann", "last_name": "van Dyk"}]),
    ("tags and a field", "email,Tags,plan\nann@x.example,\"A; B\",Team",
     [{"email": "ann@x.example", "tags": ["A", "B"], "fields": [{"id": 1, "value": "Team"}]}]),
    ("one person twice", "email,phone,tags\nann@x.example,1,A\nANN@x.example,2,B",
     [{"email": "ann@x.example", "phone": "2", "tags": ["A", "B"]}]),
    ("addresses as mail programs write them", "email\nmailto:ann@x.example\nBob <bob@x.example>\n\ufeffeve@x.example;",
     [{"email": "ann@x.example"}, {"email": "bob@x.example"}, {"email": "eve@x.example"}]),
    ("names with invisible characters", "email,first_name,phone\nann@x.example,A\u200bnn,\u202d+1 5\u202c",
     [{"email": "ann@x.example", "first_name": "Ann", "phone": "+1 5"}]),
    ("a tag in several spellings", "email,Tags\nann@x.example,V\u200bIP; vip\nbob@x.example,VIP\ufeff",
     [{"email": "ann@x.example", "tags": ["VIP"]}, {"email": "bob@x.example", "tags": ["VIP"]}]),
    ("bars in a text", "email,plan\nann@x.example,a||b",
     [{"email": "ann@x.example", "fields": [{"id": 1, "value": "a||b"}]}]),
    ("JSON numbers", '[{"email": "ann@x.example", "phone": 491701234567.0, "name": 5}]',
     [{"email": "ann@x.example", "phone": "491701234567", "first_name": "5"}]),
    ("half a character", '[{"email": "ann@x.example", "first_name": "\\ud83d!"}]',
     [{"email": "ann@x.example", "first_name": "\ufffd!"}]),
    ("an empty cell says nothing", "email,phone\nann@x.example,1\nann@x.example,",
     [{"email": "ann@x.example", "phone": "1"}]),
)  # fmt: skip


@pytest.mark.parametrize(("what", "text", "wanted"), TABLES, ids=[what for what, _, _ in TABLES])
def test_a_table_is_read_as_people_write_them(what: str, text: str, wanted: list[Json]) -> None:
    assert taken(text).rows == wanted


ROWS: tuple[tuple[str, str], ...] = (
    ("email\nann@x", "is not an e-mail address"),
    ("email,phone\n,5", "no e-mail address"),
    ("email,plan\nann@x.example,Gold", "Plan takes Free, Team"),
    ("email,phone\nann@x.example,5,6", "more cells than the header"),
    ("email,phone\nann@x.example," + "5" * 10_001, "longer than 10000 characters"),
    ("email\nann@x.example bob@x.example", "is not an e-mail address"),
    ("email\nann@x.example; bob@x.example", "is not an e-mail address"),
    ('[{"email": "ann@x.example\\ud83d"}]', "is not an e-mail address"),
    ("email,phone\nann@x.example,4.9E+12", 'phone: "4.9E+12" is a number that a spreadsheet has cut'),
    ("email,name\nann@x.example,1.23457E+11", 'name: "1.23457E+11" is a number that a spreadsheet has cut'),
    ("email,Tags\nann@x.example,1.23457E+11", 'Tags: "1.23457E+11" is a number that a spreadsheet has cut'),
    ('[{"email": "ann@x.example", "phone": 4.9e16}]', 'phone: "4.9e+16" is a number that a spreadsheet has cut'),
    ("email,phone\nann@x.example,#N/A", "phone: #N/A is an error of the spreadsheet"),
    ("email,phone\nann@x.example,########", "phone: ######## is an error of the spreadsheet"),
    ("email,first_name\nann@x.example,\u200b", "holds nothing that can be seen"),
)


@pytest.mark.parametrize(("text", "why"), ROWS)
def test_a_row_that_cannot_be_taken_is_kept_with_the_reason(text: str, why: str) -> None:
    done = taken(text)
    assert done.rows == []
    assert [why in reason for _, reason, _ in done.rejected] == [True]


def test_a_tag_that_exists_is_named_as_it_is_there() -> None:
    headers, rows = parse_table('email,Tags\nann@x.example,v\u200bip;New\nbob@x.example,"a, b"')
    done = anyio.run(prepare_table, headers, rows, NONE, NO_FIELDS, NONE, {"vip": "VIP", "a, b": "A, B"})
    assert [contact["tags"] for contact in done.rows] == [["VIP", "New"], ["A, B"]]


@in_virtual_time
async def test_an_import_says_what_it_cleaned() -> None:
    async with trial() as account:
        data = "email,first_name\n<ann@new.example>,A\u200bnn\nbob@new.example,Bob\n"
        cleaned = "2 cells were cleaned of invisible characters or what stood around an address; "
        note = f'{cleaned}row 2 is read as email "ann@new.example".'
        shown = await account.answer("preview_change", tool="import_contacts", arguments={"data": data})
        assert shown["note"] == note
        assert (await account.answer("import_contacts", data=data))["note"] == note
        assert one(account.sandbox, "SELECT firstName FROM contacts WHERE email = 'ann@new.example'") == "Ann"


@in_virtual_time
async def test_a_number_field_takes_what_a_spreadsheet_makes_of_a_number() -> None:
    async with trial() as account:
        data = 'email,Seats\nann@new.example,4.9E+2\nbob@new.example,"1,234"\n'
        told = await account.answer("import_contacts", data=data)
        reason = 'Seats takes a plain number; "1,234" could mean 1234 or 1.234'
        assert told["failures"] == [{"of": "row 3", "reason": reason}]
        ann = one(account.sandbox, "SELECT id FROM contacts WHERE email = 'ann@new.example'")
        assert one(account.sandbox, "SELECT value FROM fieldValues WHERE contact = ?", str(ann)) == "490"


REFUSED: tuple[tuple[str, Json, str], ...] = (
    ("", {}, "there are no rows"),
    ("name,phone\nAnn,5", {}, "no column holds the e-mail address"),
    ("email,email\na@x.example,b@x.example", {}, "two columns are called 'email'"),
    ("email\nann@x.example", {"Mail": "email"}, "there is no column 'Mail'"),
    ("email,x\nann@x.example,1", {"x": "shoe size"}, "is nothing that can be imported"),
    ("email,x\nann@x.example,1", {"x": "email", "email": "email"}, "imported as the same"),
    ("[1, 2]", {}, "a list of objects"),
    ('{"email": ', {}, "begins like JSON"),
    ('email\n"ann', {}, "cannot be read as CSV"),
)


@pytest.mark.parametrize(("text", "asked", "why"), REFUSED)
def test_a_table_that_cannot_be_meant_is_refused(text: str, asked: Json, why: str) -> None:
    with pytest.raises(BadArguments, match=why):
        taken(text, asked)


@given(
    st.lists(
        st.tuples(st.sampled_from(["ann@x.example", "BOB@x.example", "bob@x.example", "no", ""]), st.text(max_size=8))
    )
)
def test_every_row_is_taken_merged_or_rejected(rows: list[tuple[str, str]]) -> None:
    text = io.StringIO()
    csv.writer(text).writerows([["email", "phone"], *rows])
    headers, found = parse_table(text.getvalue() + "\nlast@x.example,\n")
    done = anyio.run(prepare_table, headers, found, NONE, NO_FIELDS, NONE)
    assert len(done.rows) + done.merged + len(done.rejected) == len(found)
    assert len(found) == sum(bool(a.strip() or b.strip()) for a, b in rows) + 1


@given(
    st.lists(
        st.one_of(st.text(), st.sampled_from(["=1+1", "+cmd", "-2+3", "@x", "\t=1", " =1", "|x", "%x", "\r=x"])),
        min_size=1,
    )
)
def test_no_cell_of_a_file_is_a_formula_and_each_can_be_read_again(values: list[str]) -> None:
    (row,) = list(csv.reader(io.StringIO(format_row(values, "csv", ()), newline="")))
    assert len(row) == len(values)
    assert not [cell for cell in row if cell.lstrip()[:1] in ("=", "@", "|", "%")]


@in_virtual_time
async def test_leads_come_in_with_tags_list_and_fields_and_what_was_wrong_is_told() -> None:
    async with trial() as account:
        text = "E-Mail,Vorname,Plan,Notes,Tags\nann@new.example,Ann,Team,x,Fair\n"
        text += "bob@new.example,Bob,Gold,,\njane@acme.example,,,,\n"
        told = await account.answer("import_contacts", data=text, lists=["newsletter"], tags=["vip"])
        assert told["result"] == "done, some failed"
        assert told["counts"] == {"imported": 2}
        assert told["failures"] == [
            {"of": "row 3", "reason": 'Plan takes Free, Team, Enterprise; "Gold" is none of them'}
        ]
        assert told["not_imported"] == ["Notes"]
        assert told["creates_tags"] == ["Fair"]
        assert told["columns"] == {"E-Mail": "email", "Vorname": "first_name", "Plan": "Plan", "Tags": "tags"}
        ann = one(account.sandbox, "SELECT id FROM contacts WHERE email = 'ann@new.example'")
        tags = query(
            account.sandbox,
            "SELECT t.tag FROM contactTags c JOIN tags t ON t.id = c.tag + 0 WHERE contact = ?",
            str(ann),
        )
        assert {tag for (tag,) in tags} == {"Fair", "VIP"}
        assert query(account.sandbox, "SELECT list, status FROM contactLists WHERE contact = ?", str(ann)) == [
            ("1", "1")
        ]
        assert one(account.sandbox, "SELECT value FROM fieldValues WHERE contact = ?", str(ann)) == "Team"
        assert one(account.sandbox, "SELECT firstName FROM contacts WHERE email = 'jane@acme.example'") == "Jane"


def people(count: int) -> str:
    return "email\n" + "\n".join(f"p{number}@new.example" for number in range(count))


@in_virtual_time
async def test_above_25_contacts_wait_for_a_yes_and_the_table_is_not_repeated() -> None:
    async with trial({"AC_MCP_CONFIRM": "auto"}) as account:
        with pytest.raises(ConfirmationRequired) as waiting:
            await execute(account.account, OPERATIONS["import_contacts"], {"data": people(40)})
        preview = waiting.value.preview or {}
        assert (preview["matched"], len(preview["samples"])) == (40, 10)
        assert not [sent for sent in account.requests if sent.startswith("POST")]
        told = await execute(account.account, OPERATIONS["confirm_change"], {"token": waiting.value.token})
        assert told["counts"] == {"imported": 40}


@pytest.mark.parametrize(
    ("count", "batches"), [(1, [1]), (250, [250]), (251, [249, 2]), (500, [250, 250]), (501, [250, 249, 2])]
)
@in_virtual_time
async def test_batches_hold_250_and_none_a_single_one(count: int, batches: list[int]) -> None:
    async with trial() as account:
        told = await account.answer("import_contacts", data=people(count))
        while told["result"] == "running":
            told = await account.answer("follow_job", job=told["job"])
        sent = [len(one["body"]["contacts"]) for one in account.wire.sent if one["path"] == "/import/bulk_import"]
        assert (sent, told["counts"]) == (batches, {"imported": count})


@in_virtual_time
async def test_ten_thousand_contacts_take_forty_requests_and_the_looks() -> None:
    async with trial() as account:
        told = await account.answer("import_contacts", data=people(10_000))
        while told["result"] == "running":
            told = await account.answer("follow_job", job=told["job"])
        assert told["counts"] == {"imported": 10_000}
        kinds = Counter(account.requests)
        assert kinds.pop("POST /import/bulk_import") == 40
        assert kinds.pop("GET /import/info") <= 120
        assert sum(kinds.values()) <= 1
        assert (
            one(account.sandbox, "SELECT count(DISTINCT email) FROM contacts WHERE email LIKE 'p%@new.example'")
            == 10_000
        )


@in_virtual_time
async def test_a_batch_the_api_finds_fault_with_is_sent_again_without_the_faulty() -> None:
    async with trial() as account:
        refused: list[str] = []

        def pick(request: httpx2.Request) -> httpx2.Response | None:
            if request.url.path.endswith("bulk_import") and not refused:
                refused.append("once")
                reasons = [{"contact": 3, "failureReason": "Field 'email' incorrect format"}]
                return httpx2.Response(400, json={"success": 0, "message": "no", "failureReasons": reasons})
            return None

        account.wire.answer = pick
        told = await account.answer("import_contacts", data=people(3))
        assert (told["counts"], told["failures"]) == (
            {"imported": 2},
            [{"of": "p2@new.example", "reason": "Field 'email' incorrect format"}],
        )


@in_virtual_time
async def test_what_the_api_rejects_later_is_told() -> None:
    async with trial() as account:

        def end(request: httpx2.Request) -> httpx2.Response | None:
            if request.url.path.endswith("/import/info"):
                return httpx2.Response(
                    200, json={"status": "completed", "success": ["70"], "failure": ["P1@new.example"]}
                )
            return None

        account.wire.answer = end
        told = await account.answer("import_contacts", data=people(2))
        assert told["counts"] == {"imported": 1}
        assert told["failures"][0]["of"] == "p1@new.example"


@in_virtual_time
async def test_an_import_that_broke_off_sends_no_batch_twice() -> None:
    async with trial({"AC_MCP_WRITE_TIMEOUT": "4"}) as account:
        told = await account.answer("import_contacts", data=people(3000))
        assert told["result"] == "running"
        if account.account.job_pool.group:
            account.account.job_pool.group.cancel_scope.cancel()
        await anyio.lowlevel.checkpoint()
        later = fresh(account)
        async with later.job_pool.open():
            answer = await execute(later, OPERATIONS["follow_job"], {"job": told["job"], "action": "resume"})
            while answer["result"] == "running":
                answer = await execute(later, OPERATIONS["follow_job"], {"job": told["job"]})
        assert answer["counts"] == {"imported": 3000}
        sent = [
            one["body"]["contacts"][0]["email"] for one in account.wire.sent if one["path"] == "/import/bulk_import"
        ]
        assert len(sent) - len(set(sent)) <= 1  # the one that was on its way


@in_virtual_time
async def test_rejected_rows_are_a_table_to_put_right() -> None:
    async with trial() as account, connected(account) as client:
        data = "email,name,Plan\nbad,Ann Lee,Team\nbob@new.example,=Bob,Team\n"
        result = await client.call_tool("import_contacts", {"data": data})
        uri = next(part.uri for part in result.content if part.type == "resource_link")
        (content,) = (await client.read_resource(uri)).contents
        rows = list(csv.DictReader(io.StringIO(content.text)))  # pyright: ignore
        assert rows == [
            {
                "reason": "'bad' is not an e-mail address, such as ann@example.com",
                "email": "bad",
                "name": "Ann Lee",
                "Plan": "Team",
            }
        ]


@in_virtual_time
async def test_an_export_is_complete_and_unique_and_a_link_over_mcp() -> None:
    async with trial() as account, connected(account) as client:
        many(account.sandbox, 240)
        result = await client.call_tool("export_contacts", {"where": ["created_after=2020-01-01"], "fields": ["Plan"]})
        link = next(part for part in result.content if part.type == "resource_link")
        (content,) = (await client.read_resource(link.uri)).contents
        rows = list(csv.DictReader(io.StringIO(content.text)))  # pyright: ignore
        assert [row["id"] for row in rows] == [
            str(id) for (id,) in query(account.sandbox, "SELECT id FROM contacts ORDER BY id")
        ]
        plans = dict(query(account.sandbox, "SELECT contact, value FROM fieldValues WHERE field = '1'"))
        assert all(row["Plan"] == (plans.get(row["id"]) or "") for row in rows)
        with pytest.raises(MCPError, match="no such file"):
            await client.read_resource("activecampaign://exports/99.csv")


def many(sandbox: Sandbox, count: int) -> None:
    store = store_of(sandbox)
    for number in range(count):
        row = {"email": f"m{number}@x.example", "cdate": "2026-01-01T00:00:00-05:00", "firstName": "=HYPERLINK(1)"}
        store.insert("contacts", row)


@in_virtual_time
async def test_an_export_that_broke_off_goes_on_where_it_was() -> None:
    async with trial({"AC_MCP_READ_TIMEOUT": "5"}, rate=5) as account:
        many(account.sandbox, 4000)
        told = await account.answer("export_contacts", format="jsonl")
        assert told["result"] == "running"
        if account.account.job_pool.group:
            account.account.job_pool.group.cancel_scope.cancel()
        await anyio.lowlevel.checkpoint()
        append(told["file"], '{"half a li')
        later = fresh(account)
        async with later.job_pool.open():
            answer: Json = {"result": "running"}
            while answer["result"] == "running":
                answer = await execute(later, OPERATIONS["export_contacts"], {"job": told["job"]})
        ids = [json.loads(row)["id"] for row in text_of(answer["file"]).splitlines()]
        assert ids == [str(number) for number in range(1, 4061)]
        assert answer["rows"] == 4060


def text_of(path: str) -> str:
    return Path(path).read_text(encoding="utf-8")


def append(path: str, text: str) -> None:
    with Path(path).open("a") as file:
        file.write(text)


@in_virtual_time
async def test_deals_are_exported_with_names_and_money() -> None:
    async with trial() as account:
        told = await account.answer("export_deals", where=["status=open", "pipeline=Sales"])
        rows = list(csv.DictReader(io.StringIO(text_of(told["file"]))))
        clause = "status = '0' AND \"group\" = '1'"
        wanted = query(account.sandbox, f"SELECT id, value + 0, stage FROM deals WHERE {clause} ORDER BY id")
        assert [(int(row["id"]), round(float(row["value"]) * 100)) for row in rows] == [
            (id, value) for id, value, _ in wanted
        ]
        assert {row["stage"] for row in rows} <= {"Lead", "Qualified", "Proposal", "Negotiation", "Closing"}
        assert rows[0]["contact"] == "jane@acme.example"


@in_virtual_time
async def test_files_are_opened_in_the_named_folders_only() -> None:
    inside = FOLDER / "shared"
    inside.mkdir(exist_ok=True)
    (inside / "leads.csv").write_text(people(2), encoding="utf-16")
    (inside / "out").symlink_to("/")
    async with trial({"AC_MCP_FOLDERS": str(inside)}) as account:
        assert (await account.answer("import_contacts", file="leads.csv"))["counts"] == {"imported": 2}
        for name in ("/etc/passwd", "../secret.csv", "out/etc/passwd", str(inside / ".." / "x.csv"), "~/x.csv"):
            assert "AC_MCP_FOLDERS" in await account.refusal("import_contacts", file=name)
            assert "AC_MCP_FOLDERS" in await account.refusal("export_contacts", file=name)
        assert "is there already" in await account.refusal("export_contacts", file="leads.csv")
        assert "there is no file" in await account.refusal("import_contacts", file="none.csv")
        assert "there is no file" in await account.refusal("import_contacts", file=".")
    (inside / "out").unlink()
    async with trial() as account:
        assert "this server opens no files" in await account.refusal("import_contacts", file="leads.csv")


def test_old_and_odd_encodings_are_read(tmp_path: Path) -> None:
    files = AllowedFiles(str(tmp_path))
    for encoding in ("utf-8", "utf-8-sig", "utf-16", "cp1252"):
        (tmp_path / "x.csv").write_bytes("email\nzoë@x.example".encode(encoding))
        assert files.read("x.csv").lstrip("\ufeff") == "email\nzoë@x.example"
    (tmp_path / "x.csv").write_bytes(b"PK\x00\x01")
    with pytest.raises(BadArguments, match="it is no text"):
        files.read("x.csv")


@in_virtual_time
async def test_lean_keeps_no_row_of_an_import() -> None:
    async with trial({"AC_MCP_JOURNAL": "lean"}) as account:
        told = await account.answer("import_contacts", data="email,name\nann@secret.example,Ann\nbad,Bob\n")
        assert told["counts"] == {"imported": 1}
        kept = await account.account.journal.transact(
            lambda rows: str([rows.execute(f"SELECT * FROM {t}").fetchall() for t in ("job", "item", "change")])
        )
        assert "secret" not in kept
        assert "Bob" not in kept


@pytest.mark.parametrize(
    "data",
    [
        ",".join(f"c{n}" for n in range(501)) + "\n" + "x," * 500 + "x",
        ";".join(f"c{n}" for n in range(100_000)),
        json.dumps([{f"c{n}": "x" for n in range(501)}]),
    ],
    ids=["CSV", "one long line", "JSON"],
)
def test_a_table_of_more_than_500_columns_is_refused_by_their_number(data: str) -> None:
    with pytest.raises(BadArguments, match="columns are more than one import takes; at most 500"):
        parse_table(data)


def test_a_table_of_500_columns_is_read() -> None:
    headers, _ = parse_table(",".join(f"c{n}" for n in range(500)) + "\n" + "x," * 499 + "x")
    assert len(headers) == 500


@in_virtual_time
async def test_other_calls_get_their_turn_while_a_long_table_is_checked() -> None:
    headers, rows = parse_table("email\n" + "\n".join(f"p{n}@x.example" for n in range(5_000)))
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as group:
        group.start_soon(other)
        await prepare_table(headers, rows, NONE, NO_FIELDS, NONE)
        group.cancel_scope.cancel()
    assert turns >= 5_000 // 500


@pytest.mark.parametrize("base", [0, 1])
@pytest.mark.parametrize("wrong", [(0,), (1,), (2,), (4,), (0, 1), (1, 3), (2, 3), (0, 1, 2, 3, 4)])
@in_virtual_time
async def test_whichever_number_places_begin_with_no_good_row_is_blamed(base: int, wrong: tuple[int, ...]) -> None:
    async with trial() as account:
        bad = {f"p{number}@new.example" for number in wrong}

        def judge(request: httpx2.Request) -> httpx2.Response | None:
            if not request.url.path.endswith("bulk_import"):
                return None
            contacts = json.loads(request.content)["contacts"]
            reasons = [
                {"contact": place + base, "failureReason": "Field 'email' incorrect format"}
                for place, contact in enumerate(contacts)
                if contact["email"] in bad
            ]
            return httpx2.Response(400, json={"success": 0, "failureReasons": reasons}) if reasons else None

        account.wire.answer = judge
        told = await account.answer("import_contacts", data=people(5))
        assert {failure["of"] for failure in told.get("failures", [])} == bad
        assert told["counts"].get("imported", 0) == 5 - len(bad)
