"""A server for the conformance suite: our adapter, with the few tools and prompts that its scenarios ask for.

They are blocks like those of the product and go through the same code: names, requests, preview, confirmation,
rendering. What a person is asked and how, the suite prescribes; so the one question of ours is renamed here.

    python -m tests.conformance.fixture 127.0.0.1:8791
"""

import sys
from typing import Annotated

import anyio

from ac_mcp.errors import BadArguments
from ac_mcp.messages import Json
from ac_mcp.operations import OPERATIONS, STEPS
from ac_mcp.spec.annotations import About, Wire
from ac_mcp.spec.columns import Text
from ac_mcp.spec.operation import Call
from ac_mcp.spec.options import Answer, Effects
from ac_mcp.spec.parameters import Name
from ac_mcp.spec.resource import Resource

HALF, WHOLE = 50, 100
fixtures = Resource("tag", "tags", (Text("name", "tag"),), nouns="fixtures", group="fixtures")
Message = Annotated[
    Name, Wire("tag"), About("What the user is asked", "Please provide your information", show_example=False)
]


@fixtures.get("/tags", title="Text", answer=Answer(verbatim=True))
async def test_simple_text(call: Call) -> Json:
    """Answer with a text."""
    await call()
    return {"result": "This is a simple text response for testing."}


@fixtures.get("/tags", title="Error", answer=Answer(verbatim=True))
async def test_error_handling(call: Call) -> Json:
    """Refuse."""
    raise BadArguments("This tool intentionally returns an error for testing.")


@fixtures.get("/tags", title="Progress", answer=Answer(verbatim=True))
async def test_tool_with_progress(call: Call) -> Json:
    """Tell how far it is."""
    for done in (0, HALF, WHOLE):
        await call.progress(done, WHOLE)
    return {"result": "told"}


@fixtures.get("/tags", title="No log", answer=Answer(verbatim=True))
async def test_logging_tool(call: Call) -> Json:
    """Do something worth a line in a log, which goes to stderr only."""
    await call()
    return {"result": "done"}


def asks(sent: Json, before: Json) -> str:
    return f"Asked: {sent.get('tag')}"


@fixtures.post("/tags", destructive=True, title="Question", effects=Effects(asks=asks), answer=Answer(verbatim=True))
async def test_elicitation(call: Call, message: Message) -> Json:
    """Ask the user before it does something."""
    return {"result": f"done: {bool(await call())}"}


@fixtures.delete(
    "/tags/3",
    title="A state",
    effects=Effects(asks=lambda sent, before: "Please confirm"),
    answer=Answer(verbatim=True),
)
async def test_input_required_result_request_state(call: Call) -> Json:
    """Ask, and go on with the state that comes back."""
    await call()
    return {"result": "state-ok"}


@fixtures.delete(
    "/tags/3",
    title="Another state",
    effects=Effects(asks=lambda sent, before: "Please confirm"),
    answer=Answer(verbatim=True),
)
async def test_input_required_result_tampered_state(call: Call) -> Json:
    """Ask, and refuse a state that is not the one given."""
    return {"result": f"done: {bool(await call())}"}


@fixtures.delete(
    "/tags/3",
    title="A question",
    effects=Effects(asks=lambda sent, before: "What is your name?"),
    answer=Answer(verbatim=True),
)
async def test_input_required_result_elicitation(call: Call) -> Json:
    """Ask."""
    return {"result": f"done: {bool(await call())}"}


@fixtures.delete(
    "/tags/3",
    title="A question meanwhile",
    effects=Effects(asks=lambda sent, before: "Go on?"),
    answer=Answer(verbatim=True),
)
async def test_streaming_elicitation(call: Call) -> Json:
    """Ask in the middle."""
    return {"result": f"done: {bool(await call())}"}


def install() -> None:
    """The blocks of this module become tools, before anything looks at what there is."""
    made = {one.name: one for one in fixtures.operations}
    STEPS.update(made)
    OPERATIONS.update(made)
    from ac_mcp.server import elicitation as confirm
    from ac_mcp.server import prompts

    confirm.QUESTION = "ok"  # pyright: ignore[reportConstantRedefinition]
    confirm.SCHEMA = {"type": "object", "properties": {"ok": {"type": "boolean"}}, "required": ["ok"]}
    for name, arguments in (("test_simple_prompt", ()), ("test_prompt_with_arguments", ("arg1", "arg2"))):
        takes = tuple(prompts.Argument(each, "A word", required=True) for each in arguments)
        said = "A simple prompt for testing." + "".join(f" {each}={{{each}}}" for each in arguments)
        prompts.BY_NAME[name] = prompts.PromptTemplate(name, "For testing", "For testing.", takes, said)


if __name__ == "__main__":
    install()
    from ac_mcp.cli.app import serve_http
    from ac_mcp.settings import Settings

    anyio.run(serve_http, Settings(sandbox=True), sys.argv[1])
