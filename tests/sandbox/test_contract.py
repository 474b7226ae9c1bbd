"""Every recorded example of what the sandbox serves: same status, same keys, same JSON types."""

from typing import Any, cast

import httpx2
import pytest

from ac_mcp.sandbox import Sandbox

from .clients import client, directly
from .contract_cases import APART, CASES, EITHER_NULL, PERMITTED, UNSERVED, Ask
from .shapes import RECORDED, SUMMARY, Body, examples, shape, summary, written

KNOWN = summary()


def differences(op: str, wanted: Any, got: Any, place: str = "") -> list[str]:
    """Where two shapes differ in keys or JSON types; lists are compared by their first elements."""
    if (op, place) in PERMITTED:
        return []
    if isinstance(wanted, dict) and isinstance(got, dict):
        return _keys(op, cast(Body, wanted), cast(Body, got), place)
    if isinstance(wanted, list) and isinstance(got, list):
        return _firsts(op, cast(list[Any], wanted), cast(list[Any], got), place)
    return [] if _alike(place, wanted, got) else [f"{place}: {wanted} became {got}"]


def _firsts(op: str, wanted: list[Any], got: list[Any], place: str) -> list[str]:
    if not wanted:
        return []
    return differences(op, wanted[0], got[0], f"{place}[0]") if got else [f"{place} is empty"]


def _keys(op: str, wanted: Body, got: Body, place: str) -> list[str]:
    found: list[str] = []
    for key in sorted(wanted.keys() | got.keys()):
        where = f"{place}.{key}".lstrip(".")
        if key in wanted and key in got:
            found += differences(op, wanted[key], got[key], where)
        elif (op, where) not in PERMITTED:
            found.append(f"{where} is {'missing' if key in wanted else 'too much'}")
    return found


def _alike(place: str, wanted: Any, got: Any) -> bool:
    if wanted == got:
        return True
    texts = {str(wanted), str(got)} == {"text", "null"}
    return texts and (wanted == "null" or place.rpartition(".")[2] in EITHER_NULL)


async def ask(sandbox: Sandbox, case: Ask) -> httpx2.Response:
    for name, value in case.quirks:
        setattr(sandbox.quirks, name, value)
    async with client(sandbox) as api:
        for method, path, body in case.before:
            before = await api.request(method, path, json=body)
            assert before.status_code < 300, before.text
        return await api.request(case.method, case.path, json=case.body)


@pytest.mark.skipif(not RECORDED.exists(), reason="the recorded examples are not beside the repository")
def test_the_committed_summary_is_that_of_the_recordings() -> None:
    assert written(examples()) == SUMMARY.read_text()


def test_the_summary_has_no_values() -> None:
    def leaves(tree: Any) -> set[str]:
        if isinstance(tree, dict):
            return {leaf for each in cast(Body, tree).values() for leaf in leaves(each)}
        return {leaf for each in cast(list[Any], tree) for leaf in leaves(each)} if isinstance(tree, list) else {tree}

    assert {leaf for each in KNOWN.values() for leaf in leaves(each["body"])} <= {"text", "int", "flag", "null"}


def test_every_recorded_example_is_asked_or_excused(record_property: Any) -> None:
    excused = {op for op in KNOWN if op in UNSERVED or op.partition(".")[0] in UNSERVED}
    assert set(CASES) | APART <= set(KNOWN)
    assert set(KNOWN) - excused == set(CASES) | APART
    record_property("examples compared", len(CASES) + len(APART))
    print(f"{len(CASES) + len(APART)} examples compared, {len(excused)} excused")  # noqa: T201


@pytest.mark.parametrize("op", CASES)
async def test_the_answer_has_the_recorded_shape(op: str, sandbox: Sandbox) -> None:
    answer = await ask(sandbox, CASES[op])
    assert answer.status_code == KNOWN[op]["status"], answer.text
    assert differences(op, KNOWN[op]["body"], shape(answer.json())) == []


@pytest.mark.parametrize(("op", "place"), PERMITTED)
async def test_every_permitted_difference_is_one(
    op: str, place: str, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delitem(PERMITTED, (op, place))
    answer = await ask(sandbox, CASES[op])
    assert differences(op, KNOWN[op]["body"], shape(answer.json()))


def same(op: str, answer: httpx2.Response) -> None:
    """The recorded shape, and where the recording is at hand its values and headers too."""
    got = answer.json() if answer.content else ""
    assert (answer.status_code, shape(got)) == (KNOWN[op]["status"], KNOWN[op]["body"])
    if wanted := examples().get(op):
        assert got == wanted["body"]
        assert {name: answer.headers[name] for name in wanted.get("headers", {})} == wanted.get("headers", {})


async def test_a_list_update_may_be_empty_as_in_2021(sandbox: Sandbox, api: httpx2.AsyncClient) -> None:
    sandbox.quirks.empty_list_update = True
    same("lists.update.legacy_empty", await api.put("/lists/2", json={"list": {"name": "Quiet"}}))
    assert (await api.get("/lists/2")).json()["list"]["name"] == "Quiet"


async def test_a_wrong_api_token_may_be_a_403_with_nothing_in_it(sandbox: Sandbox) -> None:
    sandbox.quirks.forbidden_body = False
    async with directly(sandbox, "wrong") as api:
        answer = await api.get("/users/me")
    same("error.ac_bad_token_no_body", answer)
    assert "content-type" not in answer.headers


async def test_a_wrong_maton_key_is_a_401(sandbox: Sandbox) -> None:
    async with client(sandbox, Authorization="Bearer wrong") as api:
        same("maton.gateway.bad_key", await api.get("/users/me"))


async def test_an_unknown_connection_is_a_400(sandbox: Sandbox) -> None:
    async with client(sandbox, Maton_Connection="no-such-connection") as api:
        same("maton.gateway.no_connection", await api.get("/users/me"))


async def test_gateway_and_direct_access_answer_429_as_recorded() -> None:
    box = Sandbox(clock=lambda: 0.0, rate=1)
    async with client(box) as gateway, directly(box) as direct:
        assert (await gateway.get("/users/me")).status_code == 200
        limited, bare = await gateway.get("/users/me"), await direct.get("/users/me")
    box.close()
    same("maton.gateway.rate_limited", limited)
    assert bare.status_code == 429
    assert (bare.content, bare.headers["Retry-After"], bare.headers["RateLimit-Limit"]) == (b"", "1", "1")


async def test_the_default_rate_has_the_recorded_headers() -> None:
    box = Sandbox(clock=lambda: 0.0)
    async with directly(box) as api:
        answers = [await api.get("/users/me") for _ in range(6)]
    box.close()
    assert [answer.status_code for answer in answers[:5]] == [200] * 5
    same("error.rate_limited", answers[5])
