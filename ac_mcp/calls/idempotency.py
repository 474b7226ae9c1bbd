"""Calls with an idempotency key of the client's: the same key brings the same answer."""

from collections.abc import Awaitable, Callable

from ac_mcp.calls.account import Account
from ac_mcp.errors import BadArguments, OutcomeUnknown, ToolError
from ac_mcp.messages import Json
from ac_mcp.results.encoding import render


async def run_once_per_key(account: Account, key: str, call: str, work: Callable[[], Awaitable[Json]]) -> Json:
    """What this key has brought before, or brings now. An answer may tell of people: lean keeps none in a file."""
    journal, on_disk = account.journal, account.settings.journal != "lean"
    if noted := await journal.begin_keyed_call(key, call, on_disk=on_disk):
        if noted.call != call:
            raise BadArguments("This idempotency key was given to another call in the last 10 minutes: take a new one.")
        if noted.answer is not None:
            return noted.answer
    try:
        answer = await work()
    except OutcomeUnknown:
        raise
    except ToolError as trouble:
        if not trouble.done:
            await journal.forget_keyed_call(key, on_disk=on_disk)
        raise
    await journal.save_keyed_answer(key, render(answer), on_disk=on_disk)
    return answer
