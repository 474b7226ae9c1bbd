"""Budgets of all replicas that share a Redis or Valkey, by the clock of that server.

The rules of slots are in `rate_limit` alone. Redis gives the time and stores the state. The state is read together with
the server's clock, and written only if no other replica has written meanwhile (a comparison in Lua); otherwise the work
is repeated. So a replica whose own clock is wrong, or that was suspended in between, cannot break the limit.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TypeVar
from uuid import uuid4

from ac_mcp.gateway.rate_limit import Budget, Slot
from ac_mcp.gateway.rate_stores import Ledger, SharedRateStore, parse_budget
from ac_mcp.storage.redis_client import RedisClient
from ac_mcp.storage.sqlite import Unusable

T = TypeVar("T")
PREFIX = "{ac-mcp}:pace:"
"""The start of all keys. Its hash tag keeps those that are written together on one node of a cluster."""
READ = """
local now = redis.call('TIME')
local found = {now[1] .. '.' .. string.format('%06d', now[2])}
local told = redis.pcall('INFO', 'server')
found[2] = type(told) == 'string' and string.match(told, 'run_id:(%x+)') or ''
for at, key in ipairs(KEYS) do found[at + 2] = redis.call('GET', key) or '' end
return found
"""
"""Lua: return the server's time, its run id, and the stored text of each key."""
WRITE = """
for at, key in ipairs(KEYS) do
    if (redis.call('GET', key) or '') ~= ARGV[2 * at - 1] then return 0 end
end
for at, key in ipairs(KEYS) do redis.call('SET', key, ARGV[2 * at], 'EX', 86400) end
return 1
"""
"""Lua: write the keys and return 1, or return 0 if one is no longer as it was read. ARGV holds old and new texts."""
MAX_TRIES = 50
"""How often the work is repeated while other replicas write."""
RETRY_SECONDS = 0.5
"""Seconds until a server that failed is tried again."""
COLD_SECONDS = 2.2
"""Seconds for which no replica sends against a budget whose past is uncertain: an unknown one, and every one after the
server was away or was restarted, perhaps with an old state. Meanwhile each replica may have sent by itself, for as long
as RETRY_SECONDS, and those requests still count in the second that follows."""


class RedisRateStore(SharedRateStore):
    """A store of the budgets of all replicas."""

    retry_seconds = RETRY_SECONDS

    def __init__(self, client: RedisClient) -> None:
        self._client = client
        self._process = uuid4().hex[:12]
        self._was_away, self._cold_until = False, 0.0
        self._warm = set[str]()
        """Names of the budgets used since the server came back."""

    def close(self) -> None:
        pass

    async def run(self, names: Sequence[str], work: Callable[[Ledger], T]) -> T:
        """Run `work` on a ledger of these budgets until it can be stored; return its result.

        Raises:
            Unusable: if the server cannot be reached, or other replicas write too often.
        """
        try:
            for _ in range(MAX_TRIES):
                result, stored = await self._try_once(names, work)
                if stored:
                    self._was_away = False
                    self._warm.update(names)
                    return result
        except Unusable:
            self._was_away = True
            raise
        raise Unusable("Redis: too many replicas at once")

    async def _try_once(self, names: Sequence[str], work: Callable[[Ledger], T]) -> tuple[T, bool]:
        """Run `work` once; return its result, and whether the budgets are stored."""
        keys = [PREFIX + name for name in names]
        answer: list[bytes] = await self._client.run(READ, keys)
        server_time, boot, *states = [text.decode() for text in answer]
        now = float(server_time)
        if self._was_away:
            self._cold_until, self._warm = now + COLD_SECONDS, set[str]()
        ledger = Ledger(
            lambda: now,
            lambda: now,
            self._process,
            self._parse_states(dict(zip(names, states, strict=True)), boot, now),
            lambda rate: after_cold_start(Budget.of(rate), now),
        )
        result = work(ledger)
        budgets = ledger.budgets
        after = [f"{boot} {json.dumps(asdict(budgets[name]))}" if name in budgets else "" for name in names]
        pairs = [text for pair in zip(states, after, strict=True) for text in pair]
        if after == states or not any(after):
            return result, True
        return result, bool(await self._client.run(WRITE, keys, pairs))

    def _parse_states(self, states: dict[str, str], boot: str, now: float) -> dict[str, Budget]:
        """Return the budgets in these stored texts, each a run id of the server and JSON; cold where uncertain."""
        budgets: dict[str, Budget] = {}
        for name, state in states.items():
            written_by, _, text = state.partition(" ")
            if budget := parse_budget(text) if text else None:
                cold = written_by != boot or (now < self._cold_until and name not in self._warm)
                budgets[name] = after_cold_start(budget, now) if cold else budget
        return budgets


def after_cold_start(budget: Budget, now: float) -> Budget:
    """Keep all slots of a budget busy for COLD_SECONDS, and return it: what was sent before is unknown."""
    budget.slots = [Slot(max(slot.free_at, now + COLD_SECONDS), slot.holder, slot.bulk) for slot in budget.slots]
    return budget
