"""Hard edges: ids and names that try to leave their place, addresses that lead inside, sizes and depths."""

import io
import json
import logging
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import httpx2
import pytest
from pydantic import ValidationError

from ac_mcp.arguments.parsing import parse_arguments
from ac_mcp.cli.app import RedactingFormatter
from ac_mcp.errors import BadArguments, ToolError
from ac_mcp.gateway.endpoints import Endpoints
from ac_mcp.messages import Caller, Request
from ac_mcp.operations import OPERATIONS, STEPS
from ac_mcp.public_url import require_public
from ac_mcp.sandbox import Sandbox
from ac_mcp.settings import Settings
from ac_mcp.spec.json_schema import argument_model
from tests.examples import CALLS
from tests.support import in_virtual_time, trial

ESCAPES = (
    "../users", "1/../../users", "..", ".", "1/notes", "1?limit=1", "1#x", "%2e%2e", "1%2Fnotes", "1\\..\\2",
    "//evil.example",
    "1\n", "1\x00", "１２", "1 ", "https://evil.example", "1;x", "1&tagid=2", "{contact}", "١",
    "-1", "+1", "0x1", "1e3",
)  # fmt: skip
IN_PATH = [
    (name, parameter)
    for name, step in STEPS.items()
    for parameter in step.signature.parameters
    if f"{{{parameter}}}" in step.path
]


@pytest.mark.parametrize(("step", "parameter"), IN_PATH)
def test_no_value_of_an_id_leaves_its_place_in_the_path(step: str, parameter: str) -> None:
    operation, doors = STEPS[step], Endpoints("https://gateway.example", "https://ctrl.example")
    for escape in ESCAPES:
        try:
            request = operation.request({parameter: escape})
        except BadArguments:
            continue
        assert doors.url(request).count("/") == doors.url(operation.request({parameter: "1"})).count("/")
        assert escape.isascii()
        assert escape.strip("-").isalnum()


@pytest.mark.parametrize(
    "path",
    ["/contacts/../users", "/contacts//1", "contacts", "/contacts/1?x=1", "/contacts/%2e", "/a b", "/é", "/x\n", ""],
)
def test_a_path_that_is_none_of_ours_is_never_sent(path: str) -> None:
    with pytest.raises(ValueError, match="leaves"):
        Endpoints("https://gateway.example").url(Request("GET", path))


REFERENCES = [
    (name, parameter) for name, o in OPERATIONS.items() for parameter in o.references if parameter in CALLS[name]
]


@pytest.mark.parametrize(("tool", "parameter"), REFERENCES)
@in_virtual_time
async def test_whatever_a_name_holds_nothing_but_the_thing_itself_is_asked_for(tool: str, parameter: str) -> None:
    async with trial() as one:
        for escape in ESCAPES:
            value = escape if OPERATIONS[tool].references[parameter].is_single else [f"{escape}=x", escape]
            with suppress(ToolError):
                await one.answer(tool, **CALLS[tool] | {parameter: value})
        known = {step.path.split("/")[1] for step in STEPS.values()} | {"import", "emailActivities"}
        for sent in one.wire.sent:
            parts = sent["path"].strip("/").split("/")
            assert parts[0] in known
            assert all(part.replace("-", "").isalnum() for part in parts)
            assert all("\n" not in pair for pair in sent.get("query", []))


HOSTILE = (
    "http://hooks.example.com/x", "https://localhost/x", "https://localhost./x", "https://127.0.0.1/x", "https://127.1/x",
    "https://2130706433/x", "https://0x7f000001/x", "https://0x7f.1/x", "https://0177.0.0.1/x", "https://10.0.0.8/x",
    "https://192.168.1.1/x", "https://172.16.0.1/x", "https://169.254.169.254/latest/meta-data", "https://100.64.0.1/x",
    "https://0.0.0.0/x", "https://224.0.0.1/x", "https://255.255.255.255/", "https://[::1]/x", "https://[fe80::1]/x",
    "https://[fc00::1]/x", "https://[::ffff:127.0.0.1]/x", "https://[::ffff:7f00:1]/x", "https://[64:ff9b::7f00:1]/x",
    "https://[2002:7f00:1::]/x", "https://[fe80::1%25eth0]/x", "https://user:pw@hooks.example.com/x", "https://user@h.example/x",
    "https://@h.example/x", "https://hooks.example.com@127.0.0.1/x", "https://hooks.example.com\\@127.0.0.1/x",
    "https://printer.local/x", "https://db.internal/x", "https://router.lan/x", "https://metadata.google.internal/",
    "https://intranet/x", "https://./x", "https://..example/x", "https:///x", "https://", "ftp://h.example/x",
    "javascript:alert(1)", "file:///etc/passwd", "https://h.example:0/x", "https://h.example:99999/x",
    "https://h.example/a b",
    "https://h.example/\r\nX: y", "https://１２７.0.0.1/x", "https://ｌocalhost/x", "https://h.exаmple/x",
    "//h.example/x",
    "https://h.example/" + "a" * 2000, "https://-x.example/", "https://x..example/", "https://hook_s.example.123/x",
)  # fmt: skip


@pytest.mark.parametrize("address", HOSTILE)
@in_virtual_time
async def test_an_address_that_leads_inside_or_carries_credentials_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="address"):
        require_public(address)
    async with trial() as one:
        await one.refusal("create_webhook", **CALLS["create_webhook"] | {"url": address})
        assert one.requests == []


@pytest.mark.parametrize(
    "address",
    [
        "https://hooks.example.com/x", "https://hooks.example.com:8443/x?key=1", "https://8.8.8.8/x", "https://xn--bcher-kva.example/",
        "https://[2606:4700::1111]/x", "https://a.b.c.example/~x/%20y", "HTTPS://Hooks.Example.COM/x", "https://hook_s.example/x",
    ],
)  # fmt: skip
def test_a_public_address_is_taken(address: str) -> None:
    assert require_public(address) == address


def nested(depth: int) -> Any:
    value: Any = "x"
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"contact": "1", "text": "x" * 1_000_001}, "too large"),
        ({"contact": nested(50)}, "nested too deeply"),
        ({"contact": nested(100_000)}, "nested too deeply"),
        ({"contact": "1", "fields": ["Plan=" + "x" * 1000] * 2000}, "too large"),
        ({"contact": "1", "fields": [1] * 200_000}, "too large"),
        ({f"a{n}": 1 for n in range(100_000)}, "too large"),
    ],
)
def test_arguments_are_bounded_in_size_and_depth(given: Any, said: str) -> None:
    with pytest.raises(BadArguments, match=said):
        parse_arguments(OPERATIONS["update_contact"], given)


@in_virtual_time
async def test_a_deep_answer_is_no_answer() -> None:
    async with trial() as one:
        one.wire.answer = lambda request: httpx2.Response(
            200, content=b'{"tags":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
        )
        assert "an answer that is not JSON" in await one.refusal("list_tags")


@in_virtual_time
async def test_no_repr_holds_the_key() -> None:
    async with trial({"MATON_API_KEY": "sk-canary-123"}) as one:
        one.sandbox.key = "sk-canary-123"
        await one.refusal("list_tags")
        for thing in (
            one.account,
            one.account.gateway,
            one.account.settings,
            one.account.caller,
            Caller("sk-canary-123"),
        ):
            assert "sk-canary-123" not in repr(thing)


def test_no_key_is_in_a_log_line_or_its_traceback() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(RedactingFormatter(["sk-canary-123", "", "tok-canary"]))
    logger = logging.Logger("test")
    logger.addHandler(handler)
    try:
        raise ValueError("Bearer sk-canary-123")
    except ValueError:
        logger.exception("with %s and %s", "sk-canary-123", "tok-canary")
    assert "canary" not in stream.getvalue()
    assert "ValueError: Bearer ***" in stream.getvalue()


def test_the_file_of_a_sandbox_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.db"
    Sandbox(path).close()
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("tool", OPERATIONS)
def test_every_tool_refuses_what_it_does_not_know(tool: str) -> None:
    with pytest.raises((BadArguments, ValidationError)):
        parse_arguments(OPERATIONS[tool], {**CALLS[tool], "no_such_argument": 1})
    assert cast("Any", argument_model(OPERATIONS[tool]).model_config)["extra"] == "forbid"
    assert json.dumps(Settings().__repr__())
