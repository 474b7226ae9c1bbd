"""Addresses of requests: no id and no name leaves its place in them."""

from contextlib import suppress

import pytest

from ac_mcp.errors import BadArguments, ToolError
from ac_mcp.gateway.endpoints import Endpoints
from ac_mcp.messages import Request
from ac_mcp.operations import OPERATIONS, STEPS
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
