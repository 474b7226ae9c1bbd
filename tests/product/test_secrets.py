"""No key in an answer, a log line, a traceback or a `repr`."""

import io
import logging

from ac_mcp.cli.app import RedactingFormatter
from ac_mcp.messages import Caller
from tests.support import in_virtual_time, status, trial


@in_virtual_time
async def test_a_key_that_the_other_side_repeats_is_not_repeated_by_us() -> None:
    async with trial({"MATON_API_KEY": "sekret-123"}) as one:
        one.wire.answer = lambda request: status(400, {"message": "bad header Bearer sekret-123"})
        assert "sekret" not in await one.refusal("list_tags")


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
