"""Idempotency keys: a call with the same key gets the same answer."""

from collections.abc import Awaitable, Callable

from ac_mcp.errors import BadArguments, OutcomeUnknown, ToolError
from ac_mcp.messages import Json
from ac_mcp.results.encoding import render
from ac_mcp.storage.journal import Journal


async def run_once_per_key(
    journal: Journal, key: str, call: str, work: Callable[[], Awaitable[Json]], *, on_disk: bool
) -> Json:
    """Return the answer that is stored under a key, or run `work` and store its answer for ten minutes.

    `call` is the hash of the call. Without `on_disk` the answer is stored in memory only: it may hold personal data.

    Raises:
        BadArguments: if the key was used for another call.
        ToolError: if `work` fails. Its key is free again if it has written nothing.
    """
    if earlier := await journal.begin_keyed_call(key, call, on_disk=on_disk):
        if earlier.call != call:
            raise BadArguments("This idempotency key was given to another call in the last 10 minutes: take a new one.")
        if earlier.answer is not None:
            return earlier.answer
    try:
        answer = await work()
    except OutcomeUnknown:
        raise
    except ToolError as error:
        if not error.done:
            await journal.forget_keyed_call(key, on_disk=on_disk)
        raise
    await journal.save_keyed_answer(key, render(answer), on_disk=on_disk)
    return answer
