"""Whatever is sent, the answer is the API's and never a crash."""

import json
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ac_mcp.sandbox import Sandbox
from ac_mcp.sandbox.catalog import RESOURCES
from ac_mcp.sandbox.http.routes import endpoints

from .clients import NOW, client, seeded

texts = st.text(max_size=20) | st.sampled_from(
    ["1", "0", "-1", "\0", "1e999", "😀", "9" * 30, "'; DROP TABLE contacts"]
)
likely = st.sampled_from(["1", "2", 1, 2, "Subscriber", "a@b.example", "usd", "2026-01-01", None])
scalars = likely | st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=5
)
loose = {"fieldValues", "fields", "listid", "listIds", "ownerId", "id", "tags", "subscribe", "first_name", "callback"}
keys = sorted({name for resource in RESOURCES.values() for name in resource.writes.split()} | loose)
wrappers = sorted({resource.singular for resource in RESOURCES.values()} | {"fieldOptions"})
objects = st.dictionaries(st.sampled_from(keys), values, max_size=6)
# The same object under every wrapper, so that each route finds its own.
arrays = ("fieldOptions", "contacts", "deals")
wrapped = objects.map(lambda sent: {**dict.fromkeys(wrappers, sent), **{name: [sent] for name in arrays}})
bodies = wrapped | objects | st.lists(objects, max_size=3) | values
FILTERS = sorted({key for resource in RESOURCES.values() for key in resource.filters})
routes = st.sampled_from([(method, path) for method, path, _ in endpoints()])
queries = st.dictionaries(
    st.sampled_from(
        [*FILTERS, "limit", "offset", "orders[id]", "orders[name]", "orders[contact_name]", "orders[score]"]
    ),
    texts,
    max_size=4,
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    asked=st.lists(
        st.tuples(
            routes, queries, bodies, st.sampled_from(["1", "2", "61", "x", "\N{FULLWIDTH DIGIT NINE}", "0", "9" * 40])
        ),
        max_size=6,
    )
)
async def test_no_sequence_of_requests_crashes_the_sandbox(asked: list[Any]) -> None:
    box = Sandbox(now=lambda: NOW, rate=None, like=seeded())
    async with client(box) as api:
        for (method, path), query, body, number in asked:
            filled = path.replace("{id}", number).replace("{email}", "x@y").replace("{username}", "dana")
            filled = filled.replace("{note}", number)
            answer = await api.request(method, filled, params=query, json=body)
            assert answer.status_code < 500 or answer.status_code == 501 or "Duplicate entry" in answer.text
            assert answer.content == b"" or isinstance(answer.json(), dict | str)
    box.close()


@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"nothing",
        b"\xff\xfe",
        b'{"contact": NaN}',
        b"[1e999]",
        b"[" * 100_000,
        b"[" * 600 + b"]" * 600,
        b'{"a": ' + b"9" * 5000 + b"}",
        b"email=a",
    ],
)
async def test_a_body_that_is_not_json_is_a_400(raw: bytes, api: httpx2.AsyncClient) -> None:
    answer = await api.post("/contacts", content=raw)
    assert (answer.status_code, answer.json()) == (400, {"message": "The request body is not valid JSON."})


@pytest.mark.parametrize(
    "number", ["abc", "1a", "-1", "1.0", "\N{FULLWIDTH DIGIT ONE}", "%F0%9F%98%80", "9" * 40, "0", "%00"]
)
async def test_an_id_that_is_no_id_is_a_404_naming_it(number: str, api: httpx2.AsyncClient) -> None:
    for method in ("GET", "PUT", "DELETE"):
        answer = await api.request(method, f"/contacts/{number}")
        shown = httpx2.URL(f"http://x/{number}").path[1:]
        assert (answer.status_code, answer.json()) == (
            404,
            {"message": f"No Result found for Subscriber with id {shown}"},
        )


@pytest.mark.parametrize("text", ["", "😀", "a\0b", "\ud800", "x" * 200_000, "' OR 1=1 --", "%_\\", "{id}", "$.email"])
async def test_any_text_is_stored_and_found_again(text: str, api: httpx2.AsyncClient) -> None:
    raw = json.dumps({"contact": {"email": "odd@text.example", "firstName": text}})
    assert (await api.post("/contacts", content=raw)).status_code == 201
    kept = text.encode("utf-8", "replace").decode()
    row = (await api.get("/contacts?email=odd@text.example")).json()["contacts"][0]
    assert row["firstName"] == kept
    if 0 < len(kept) < 100 and "\0" not in kept:
        found = await api.get("/contacts", params={"search": kept})
        assert row["id"] in [each["id"] for each in found.json()["contacts"]]


@pytest.mark.parametrize(
    ("query", "total"),
    [
        ({"search": "x" * 60_000}, "0"),
        ({"ids[]": [str(number) for number in range(4000)]}, "60"),
        ({"orders[id]": ["ASC"] * 2500}, "60"),
        ({f"filters[{number}]": "x" for number in range(2500)}, "60"),
    ],
)
async def test_queries_of_any_size_are_answered(query: dict[str, Any], total: str, api: httpx2.AsyncClient) -> None:
    assert (await api.get("/contacts", params=query)).json()["meta"]["total"] == total
