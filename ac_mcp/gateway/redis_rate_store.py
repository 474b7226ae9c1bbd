"""Budgets of all replicas that share a Redis or Valkey, by the clock of that server.

What a slot is and who gets it stands in `slots` alone. Redis gives the time and keeps the state: it is read together
with the server's clock and written back only if nobody else has written meanwhile (a comparison in Lua), else it is
done again. So a replica whose own clock is wrong, or which was stopped in between, can break nothing.
"""

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import TypeVar
from uuid import uuid4

from ac_mcp.gateway.rate_limit import Budget, Slot
from ac_mcp.gateway.rate_stores import Ledger, SharedRateStore, loaded
from ac_mcp.storage.redis_client import RedisClient
from ac_mcp.storage.sqlite import Unusable

T = TypeVar("T")
PREFIX = "{ac-mcp}:pace:"
"""One hash tag: what is written together has to be in one place of a cluster."""
READ = """
local now = redis.call('TIME')
local found = {now[1] .. '.' .. string.format('%06d', now[2])}
local told = redis.pcall('INFO', 'server')
found[2] = type(told) == 'string' and string.match(told, 'run_id:(%x+)') or ''
for at, key in ipairs(KEYS) do found[at + 2] = redis.call('GET', key) or '' end
return found
"""
WRITE = """
for at, key in ipairs(KEYS) do
    if (redis.call('GET', key) or '') ~= ARGV[2 * at - 1] then return 0 end
end
for at, key in ipairs(KEYS) do redis.call('SET', key, ARGV[2 * at], 'EX', 86400) end
return 1
"""
TRIES = 50
AWAY = 0.5
"""Seconds until it is tried again."""
COLD = 2.2
"""Seconds for which nobody sends where nothing is known, after it was away, and after the server was started anew,
maybe with what it knew a while ago: what was sent meanwhile, by each replica alone for as long as `AWAY`, still counts
in the second that follows."""


class RedisRateStore(SharedRateStore):
    """See `Store`."""

    back_in = AWAY

    def __init__(self, link: RedisClient) -> None:
        self._link = link
        self._process = uuid4().hex[:12]
        self._was_away, self._cold_until = False, 0.0
        self._warm = set[str]()
        """Budgets that were used since it is back."""

    def close(self) -> None:
        pass

    async def run(self, names: Sequence[str], work: Callable[[Ledger], T]) -> T:
        """What `work` does with these budgets, once nobody has changed them meanwhile.

        Raises:
            Unusable: if the server cannot be reached, or is too busy with them.
        """
        try:
            for _ in range(TRIES):
                done, kept = await self._once(names, work)
                if kept:
                    self._was_away = False
                    self._warm.update(names)
                    return done
        except Unusable:
            self._was_away = True
            raise
        raise Unusable("Redis: too many replicas at once")

    async def _once(self, names: Sequence[str], work: Callable[[Ledger], T]) -> tuple[T, bool]:
        keys = [PREFIX + name for name in names]
        found: list[bytes] = await self._link.run(READ, keys)
        at, boot, *states = [one.decode() for one in found]
        now = float(at)
        if self._was_away:
            self._cold_until, self._warm = now + COLD, set[str]()
        known: dict[str, Budget] = {}
        for name, state in zip(names, states, strict=True):
            written_by, _, text = state.partition(" ")
            if budget := loaded(text) if text else None:
                cold = written_by != boot or (now < self._cold_until and name not in self._warm)
                known[name] = after_cold_start(budget, now) if cold else budget
        ledger = Ledger(
            lambda: now, lambda: now, self._process, known, lambda rate: after_cold_start(Budget.of(rate), now)
        )
        done = work(ledger)
        budgets = ledger.budgets
        after = [f"{boot} {json.dumps(asdict(budgets[one]))}" if one in budgets else "" for one in names]
        pairs = [text for pair in zip(states, after, strict=True) for text in pair]
        if after == states or not any(after):
            return done, True
        return done, bool(await self._link.run(WRITE, keys, pairs))


def after_cold_start(budget: Budget, now: float) -> Budget:
    """Nobody sends for a while: what was sent before is not known."""
    budget.slots = [Slot(max(slot.free_at, now + COLD), slot.holder, slot.bulk) for slot in budget.slots]
    return budget
