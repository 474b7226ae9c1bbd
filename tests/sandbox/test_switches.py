"""The switches for what sources dispute: one test for each, and how they are read from a dict."""

from dataclasses import fields
from typing import Any, get_args

import httpx2
import pytest

from ac_mcp.sandbox import BadQuirk, Quirks, Sandbox
from ac_mcp.sandbox.quirks import MatonErrors

from .clients import NOW, Wall, client, connection, directly, seeded

NEW = {"contactTag": {"contact": "1", "tag": "6"}}


@pytest.mark.parametrize(
    ("shape", "keys"),
    [("flat", ["connection_id"]), ("flat_capital", ["connection_Id"]), ("nested", ["connection"])],
)
async def test_created_connection(shape: Any, keys: list[str], sandbox: Sandbox) -> None:
    sandbox.quirks.created_connection = shape
    async with client(sandbox) as api:
        made = await api.post("http://sandbox/connections", json={"app": "active-campaign"})
        assert (made.status_code, list(made.json())) == (200, keys)
        rows = (await api.get("http://sandbox/connections?status=PENDING")).json()["connections"]
    number = made.json()[keys[0]]
    assert rows[-1]["connection_id"] == (number["connection_id"] if shape == "nested" else number)


@pytest.mark.parametrize("name", get_args(MatonErrors))
async def test_maton_errors(name: Any, sandbox: Sandbox) -> None:
    sandbox.quirks.maton_errors = name
    text = "Invalid API key"
    envelopes = {
        "error": {"error": text},
        "message": {"message": text},
        "detail": {"detail": text},
        "detail_list": {"detail": [{"loc": ["request"], "msg": text}]},
        "error_message": {"error": {"message": text}},
    }
    async with client(sandbox, Authorization="Bearer wrong") as api:
        answers = [await api.get("/users/me"), await api.get("http://sandbox/connections")]
    assert [(answer.status_code, answer.json()) for answer in answers] == [(401, envelopes[name])] * 2


@pytest.mark.parametrize("status", [400, 412])
async def test_unresolved_status(status: Any, sandbox: Sandbox) -> None:
    sandbox.quirks.unresolved_status = status
    async with client(sandbox, Maton_Connection="no-such-connection") as api:
        assert (await api.get("/users/me")).status_code == status


@pytest.mark.parametrize(("has_body", "content"), [(True, b'{"message":"Forbidden"}'), (False, b"")])
async def test_forbidden_body(has_body: bool, content: bytes, sandbox: Sandbox) -> None:
    sandbox.quirks.forbidden_body = has_body
    for token in ("wrong", ""):
        async with directly(sandbox, token) as api:
            answer = await api.get("/users/me")
        assert (answer.status_code, answer.content) == (403, content)


async def test_closed(sandbox: Sandbox, api: httpx2.AsyncClient) -> None:
    sandbox.quirks.closed = ("deals", "accounts")
    paths = ("/deals", "/deals/1", "/accounts", "/dealStages", "/contacts")
    assert [(await api.get(path)).status_code for path in paths] == [403, 403, 403, 200, 200]


@pytest.mark.parametrize(
    ("year", "differing"),
    [
        ("2026", {"title": "Email address already exists in the system.", "error": "contact_exists"}),
        ("2022", {"title": "Email address already exists in the system", "detail": ""}),
    ],
)
async def test_contact_errors(year: Any, differing: dict[str, str], sandbox: Sandbox, api: httpx2.AsyncClient) -> None:
    sandbox.quirks.contact_errors = year
    taken = await api.put("/contacts/2", json={"contact": {"email": "jane@acme.example"}})
    invalid = await api.post("/contacts", json={"contact": {"email": "jane"}})
    source = {"pointer": "/data/attributes/email"}
    assert (taken.status_code, taken.json()) == (
        422,
        {"errors": [{"code": "duplicate", "source": source, **differing}]},
    )
    assert ("detail" in invalid.json()["errors"][0]) == (year == "2022")


@pytest.mark.parametrize("status", [200, 201])
async def test_tagged_status(status: Any, sandbox: Sandbox, api: httpx2.AsyncClient) -> None:
    sandbox.quirks.tagged_status = status
    first, second = await api.post("/contactTags", json=NEW), await api.post("/contactTags", json=NEW)
    assert [answer.status_code for answer in (first, second)] == [status, 200]
    found = [("contacts" in body, "created_timestamp" in body["contactTag"]) for body in (first.json(), second.json())]
    assert found == [(True, False), (False, True)]


async def test_existing_tag(sandbox: Sandbox, api: httpx2.AsyncClient) -> None:
    sent = {"tag": {"tag": "vip", "tagType": "contact"}}
    refused = await api.post("/tags", json=sent)
    sandbox.quirks.existing_tag = "returned"
    returned = await api.post("/tags", json=sent)
    error = "Duplicate entry 'contact-vip' for key 'typetag'"
    assert (refused.status_code, refused.json()["error"]) == (500, error)
    assert (returned.status_code, returned.json()["tag"]["id"]) == (200, "1")
    assert (await api.post("/tags", json={"tag": {"tag": "new", "tagType": "contact"}})).status_code == 201
    assert (await api.get("/tags")).json()["meta"]["total"] == "13"


@pytest.mark.parametrize("status", [200, 201])
async def test_subscribed_status(status: Any, sandbox: Sandbox, api: httpx2.AsyncClient) -> None:
    sandbox.quirks.subscribed_status = status
    sent = {"contact": 1, "list": 4, "status": 1}
    answers = [await api.post("/contactLists", json={"contactList": sent}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [status, 200]
    made = answers[0].json()["contactList"]
    assert ({key: made[key] for key in sent}, made["sourceid"]) == (sent, "4")


@pytest.mark.parametrize(("filtering", "totals"), [(False, {"105"}), (True, {"16", "21"})])
async def test_list_filters(filtering: bool, totals: set[str], sandbox: Sandbox, api: httpx2.AsyncClient) -> None:
    sandbox.quirks.list_filters = filtering
    asked = ("filters[list]=4", "filters[status]=2")
    assert {(await api.get(f"/contactLists?{query}")).json()["meta"]["total"] for query in asked} == totals


@pytest.mark.parametrize(("size", "shown"), [(0, [25, 25, 7]), (20, [20, 5, 7])])
async def test_sublist_page(size: int, shown: list[int], sandbox: Sandbox, api: httpx2.AsyncClient) -> None:
    sandbox.quirks.sublist_page = size
    for number in range(1, 25):
        await api.post("/tags", json={"tag": {"tag": f"n{number}"}})
        await api.post("/contactTags", json={"contactTag": {"contact": "2", "tag": str(12 + number)}})
    queries = ("", "?offset=20", "?limit=7")
    rows = [(await api.get(f"/contacts/2/contactTags{query}")).json()["contactTags"] for query in queries]
    assert [len(found) for found in rows] == shown


@pytest.mark.parametrize(("takes", "status", "value"), [(True, 200, "Free"), (False, 422, "Enterprise")])
async def test_bare_value(takes: bool, status: int, value: str, sandbox: Sandbox, api: httpx2.AsyncClient) -> None:
    sandbox.quirks.bare_value = takes
    answer = await api.put("/fieldValues/1", json={"fieldValue": {"value": "Free"}})
    read = (await api.get("/fieldValues/1")).json()["fieldValue"]["value"]
    assert (answer.status_code, read) == (status, value)


@pytest.mark.parametrize("first", [0, 1])
async def test_import_places_from(first: Any, sandbox: Sandbox, api: httpx2.AsyncClient) -> None:
    sandbox.quirks.import_places_from = first
    rows = [{"email": "ana@fair.example"}, {"first_name": "Ben"}]
    answer = await api.post("/import/bulk_import", json={"contacts": rows})
    assert answer.json()["failureReasons"] == [{"contact": first + 1, "failureReason": "Field 'email' not found"}]


async def statuses(wall: Wall, **quirks: Any) -> tuple[list[Any], dict[str, Any]]:
    """The statuses of an import of two contacts while it runs, and how it ends."""
    box = Sandbox(now=wall, rate=None, like=seeded(), quirks=Quirks(**quirks))
    async with client(box) as api:
        rows = [{"email": "ana@fair.example"}, {"email": "ben@fair.example"}]
        made = (await api.post("/import/bulk_import", json={"contacts": rows})).json()["batchId"]
        seen: list[dict[str, Any]] = []
        for seconds in (0.0, 0.4, 0.4, 0.4):
            wall.pass_(seconds)
            seen.append((await api.get(f"/import/info?batchId={made}")).json())
    box.close()
    return [answer["status"] for answer in seen[:-1]], seen[-1]


@pytest.mark.parametrize(("words", "seen"), [(False, [False] * 3), (True, ["waiting", "claimed", "active"])])
async def test_import_words(words: bool, seen: list[Any], wall: Wall) -> None:
    assert await statuses(wall, import_words=words) == (
        seen,
        {"status": "completed", "success": ["61", "62"], "failure": []},
    )


@pytest.mark.parametrize(("end", "success"), [("completed", ["61", "62"]), ("interrupted", ["61"]), ("failed", [])])
async def test_import_end(end: str, success: list[str], wall: Wall) -> None:
    _, last = await statuses(wall, import_end=end)
    assert last == {"status": end, "success": success, "failure": []}


@pytest.mark.parametrize(("lag", "totals"), [(0.0, [4, 4]), (10.0, [3, 4])])
async def test_record_lag(lag: float, totals: list[int], wall: Wall) -> None:
    box = Sandbox(now=wall, rate=None, like=seeded(), quirks=Quirks(record_lag=lag))
    path = "/customObjects/records/3f2c8d1e-7a64-4b0f-9d25-6c81e0b7a914"
    async with client(box) as api:
        await api.post(path, json={"record": {"externalId": "M-1", "fields": [{"id": "serial", "value": 1}]}})
        before = (await api.get(path)).json()["meta"]["total"]
        wall.pass_(10)
        assert [before, (await api.get(path)).json()["meta"]["total"]] == totals
    box.close()


async def test_counter_lag(wall: Wall) -> None:
    for lag, count in ((0.0, "1"), (5.0, "0")):
        box = Sandbox(now=wall, rate=None, like=seeded(), quirks=Quirks(counter_lag=lag))
        async with client(box) as api:
            made = (await api.post("/tags", json={"tag": {"tag": "new", "tagType": "contact"}})).json()["tag"]["id"]
            await api.post("/contactTags", json={"contactTag": {"contact": "1", "tag": made}})
            assert (await api.get(f"/tags/{made}")).json()["tag"]["subscriber_count"] == count
        box.close()


async def test_empty_list_update(sandbox: Sandbox, api: httpx2.AsyncClient) -> None:
    full = await api.put("/lists/2", json={"list": {"name": "Loud"}})
    sandbox.quirks.empty_list_update = True
    empty = await api.put("/lists/2", json={"list": {"name": "Quiet"}})
    assert (full.json()["list"]["name"], empty.content) == ("Loud", b"")


async def test_ignored(sandbox: Sandbox, api: httpx2.AsyncClient) -> None:
    async def total(path: str) -> int:
        return int((await api.get(path)).json()["meta"]["total"])

    assert await total("/tags?search=VIP") < await total("/tags")
    sandbox.quirks.ignored = ("tags search",)
    assert await total("/tags?search=VIP") == await total("/tags")
    assert await total("/contacts?search=jane") < await total("/contacts")


def test_every_switch_has_a_test() -> None:
    tests = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    assert [field.name for field in fields(Quirks) if field.name not in tests] == []


async def test_switches_are_read_from_a_dict_and_given_to_a_sandbox() -> None:
    quirks = Quirks.from_dict({"closed": ["deals"], "tagged_status": 200, "record_lag": 3})
    assert quirks == Quirks(closed=("deals",), tagged_status=200, record_lag=3.0)
    assert quirks.to_dict() == {"closed": ["deals"], "tagged_status": 200, "record_lag": 3.0}
    box = Sandbox(now=lambda: NOW, rate=None, like=seeded(), quirks=quirks)
    async with client(box) as api:
        assert (await api.post("/contactTags", json=NEW)).status_code == 200
        assert await connection(api)
    box.close()


@pytest.mark.parametrize(
    ("values", "problem"),
    [
        ({"shape": "flat"}, "No switch is called 'shape'. There are: created_connection, "),
        (
            {"created_connection": "round"},
            "created_connection takes 'flat' or 'flat_capital' or 'nested', not 'round'.",
        ),
        ({"tagged_status": True}, "tagged_status takes 201 or 200, not True."),
        ({"closed": "deals"}, "closed takes a list of texts, not 'deals'."),
        ({"closed": [1]}, "closed takes a list of texts, not [1]."),
        ({"record_lag": -1}, "record_lag takes a number from 0, not -1."),
        ({"sublist_page": 2.5}, "sublist_page takes a whole number from 0, not 2.5."),
        ({"list_filters": 1}, "list_filters takes true or false, not 1."),
    ],
)
def test_what_no_switch_takes_is_refused(values: dict[str, Any], problem: str) -> None:
    with pytest.raises(BadQuirk) as refused:
        Quirks.from_dict(values)
    assert str(refused.value).startswith(problem)
