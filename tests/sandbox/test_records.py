"""The records of custom objects: replaced as a whole, listed late, found by exact values alone."""

from typing import Any

import httpx2
import pytest

from ac_mcp.sandbox import Sandbox

from .clients import Wall

PATH = "/customObjects/records/3f2c8d1e-7a64-4b0f-9d25-6c81e0b7a914"
SCHEMA = PATH.rpartition("/")[2]
FULL = [{"id": "serial", "value": 7}, {"id": "model", "value": "Lever"}]


@pytest.fixture(autouse=True)
def without_lag(sandbox: Sandbox) -> None:
    sandbox.quirks.record_lag = 0


async def save(api: httpx2.AsyncClient, **record: Any) -> httpx2.Response:
    return await api.post(PATH, json={"record": record})


async def listed(api: httpx2.AsyncClient, query: str = "") -> list[str]:
    body = (await api.get(f"{PATH}?{query}")).json()
    assert body["meta"]["count"] == len(body["records"])
    return [row["externalId"] for row in body["records"]]


async def test_the_answer_to_a_write_has_no_record_id(api: httpx2.AsyncClient) -> None:
    answer = await save(api, externalId="M-9", fields=FULL, relationships={"primary-contact": [4]})
    wanted = {"externalId": "M-9", "schemaId": SCHEMA, "fields": FULL, "relationships": {"primary-contact": ["4"]}}
    assert (answer.status_code, answer.json()) == (201, {"record": wanted})


@pytest.mark.parametrize("name", ["externalId", "id"])
async def test_a_record_of_the_same_id_is_replaced_and_what_is_left_out_is_cleared(
    name: str, api: httpx2.AsyncClient
) -> None:
    before = (await api.get(f"{PATH}/external/M-1001")).json()["record"]
    assert [entry["id"] for entry in before["fields"]] == ["serial", "model", "serviced"]
    await save(api, fields=FULL[:1], **{name: before[name]})
    after = (await api.get(f"{PATH}/{before['id']}")).json()["record"]
    kept = ("id", "externalId", "createdTimestamp")
    assert {key: after[key] for key in kept} == {key: before[key] for key in kept}
    assert (after["fields"], after["relationships"]) == (FULL[:1], {})
    assert len(await listed(api)) == 3


async def test_a_record_is_not_updated_in_any_other_way(api: httpx2.AsyncClient) -> None:
    number = (await api.get(f"{PATH}/external/M-1001")).json()["record"]["id"]
    asked = [
        (method, f"{PATH}{tail}") for method in ("PUT", "PATCH") for tail in ("", f"/{number}", "/external/M-1001")
    ]
    assert {(await api.request(method, path, json={})).status_code for method, path in asked} == {405}


async def test_a_list_finds_exact_values_and_no_ranges(api: httpx2.AsyncClient) -> None:
    created = (await api.get(f"{PATH}/external/M-1001")).json()["record"]["createdTimestamp"]
    queries = {
        "": 3,
        "filters[relationships.primary-contact][eq]=7": 1,
        "filters[relationships.primary-contact][eq]=8": 0,
        f"filters[createdTimestamp][eq]={created}": 3,
        f"filters[createdTimestamp][gte]={created}": 0,
        "filters[createdTimestamp][lt]=2100-01-01T00:00:00Z": 0,
        "filters[shoe_size]=9": 3,
    }
    assert {query: (await api.get(f"{PATH}?{query}")).json()["meta"]["total"] for query in queries} == queries
    assert await listed(api, "limit=1&offset=2") == ["M-1003"]


@pytest.mark.parametrize(
    ("fields", "problem"),
    [([*FULL, {"id": "colour", "value": "red"}], "colour"), (FULL[1:], "serial"), ([], "serial")],
)
async def test_fields_are_checked_by_the_schema(fields: Any, problem: str, api: httpx2.AsyncClient) -> None:
    answer = await save(api, externalId="M-9", fields=fields)
    assert (answer.status_code, answer.json()["errors"][0]["source"]["value"]) == (422, f"/data/attributes/{problem}")
    assert len(await listed(api)) == 3


async def test_a_deleted_record_is_gone_and_its_external_id_free(api: httpx2.AsyncClient) -> None:
    gone = [await api.delete(f"{PATH}/external/M-1001")]
    gone.append(await api.delete(f"{PATH}/{(await api.get(f'{PATH}/external/M-1002')).json()['record']['id']}"))
    assert [(answer.status_code, answer.content) for answer in gone] == [(202, b"")] * 2
    assert (await api.get(f"{PATH}/external/M-1001")).status_code == 404
    await save(api, externalId="M-1001", fields=FULL)
    assert await listed(api) == ["M-1003", "M-1001"]


async def test_what_is_not_there_is_a_404_without_a_name(api: httpx2.AsyncClient) -> None:
    paths = ("/customObjects/records/nothing", f"{PATH}/nothing", f"{PATH}/external/nothing")
    answers = [await api.get(path) for path in paths]
    assert [(answer.status_code, answer.json()) for answer in answers] == [(404, {"message": "Not Found"})] * 3


async def test_lists_trail_every_kind_of_write(timed: httpx2.AsyncClient, wall: Wall) -> None:
    wall.pass_(60)
    await save(timed, externalId="M-9", fields=FULL)
    await save(timed, externalId="M-1002", fields=FULL)
    await timed.delete(f"{PATH}/external/M-1001")

    async def rows() -> dict[str, Any]:
        found = (await timed.get(PATH)).json()["records"]
        return {row["externalId"]: row["fields"][0]["value"] for row in found}

    assert await rows() == {"M-1001": 1001, "M-1002": 1002, "M-1003": 1003}
    await save(timed, externalId="M-1002", fields=[{"id": "serial", "value": 8}])
    wall.pass_(9)
    assert await rows() == {"M-1001": 1001, "M-1002": 1002, "M-1003": 1003}
    wall.pass_(1)
    assert await rows() == {"M-1002": 8, "M-1003": 1003, "M-9": 7}
