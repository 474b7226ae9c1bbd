"""The way to a Redis or Valkey that replicas share: scripts that run there as a whole."""

from collections.abc import Sequence
from typing import Any, cast

from anyio import CapacityLimiter

from ac_mcp.storage.sqlite import Unusable

AT_ONCE = 40
"""Scripts that are asked for at the same time: fewer than the client has connections."""
PATIENCE = 1.0
"""Seconds a script may take."""


class RedisClient:
    """By the client library `redis`, which tries once more, on a new connection: the old ones die with the server.

    Past that it says at once that the server is away; what to do then is decided by whoever asks.
    """

    def __init__(self, url: str) -> None:
        from redis.asyncio import Redis
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff
        from redis.exceptions import RedisError

        self._errors: tuple[type[Exception], ...] = (cast("type[Exception]", RedisError), OSError)
        self._redis = cast(
            "Any",
            Redis.from_url(  # pyright: ignore[reportUnknownMemberType]
                url, socket_connect_timeout=PATIENCE / 2, socket_timeout=PATIENCE, retry=Retry(NoBackoff(), 1)
            ),
        )
        self._scripts: dict[str, Any] = {}
        self._room: CapacityLimiter | None = None

    async def run(self, script: str, keys: Sequence[str], values: Sequence[str | bytes | int] = ()) -> Any:
        """What the script answers; texts come as bytes."""
        known = self._scripts.get(script)
        if known is None:
            known = self._scripts[script] = self._redis.register_script(script)
        self._room = self._room or CapacityLimiter(AT_ONCE)
        try:
            async with self._room:
                return await known(keys=list(keys), args=list(values))
        except self._errors as error:
            raise as_unusable(error) from error

    async def is_persistent(self) -> bool:
        """Whether what it is told survives a restart (append-only file)."""
        return bool(int((await self.info("persistence")).get("aof_enabled", 0)))

    async def info(self, section: str) -> dict[str, Any]:
        try:
            return await self._redis.info(section)
        except self._errors as error:
            raise as_unusable(error) from error

    async def close(self) -> None:
        await self._redis.aclose()


def as_unusable(error: Exception) -> Unusable:
    return Unusable(f"Redis: {error or type(error).__name__}")
