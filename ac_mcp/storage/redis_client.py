"""The client of the Redis or Valkey that replicas share; it runs Lua scripts, which Redis executes atomically."""

from collections.abc import Sequence
from typing import Any, cast

from anyio import CapacityLimiter

from ac_mcp.storage.sqlite import Unusable

MAX_CONCURRENT = 40
"""Scripts under way at the same time; the client library has more connections than that."""
TIMEOUT = 1.0
"""Seconds a script may take."""


class RedisClient:
    """Runs scripts through the client library `redis`, with one retry on a new connection.

    The retry is needed because old connections die when the server restarts. After it the call fails at once: the
    caller decides what to do without Redis.
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
                url, socket_connect_timeout=TIMEOUT / 2, socket_timeout=TIMEOUT, retry=Retry(NoBackoff(), 1)
            ),
        )
        self._scripts: dict[str, Any] = {}
        """The library's registered scripts, by their Lua source."""
        self._limiter: CapacityLimiter | None = None

    async def run(self, script: str, keys: Sequence[str], values: Sequence[str | bytes | int] = ()) -> Any:
        """Run a Lua script (KEYS, ARGV) and return its reply; strings in it are bytes.

        Raises:
            Unusable: if Redis cannot be reached or refuses the script.
        """
        registered = self._scripts.get(script)
        if registered is None:
            registered = self._scripts[script] = self._redis.register_script(script)
        self._limiter = self._limiter or CapacityLimiter(MAX_CONCURRENT)
        try:
            async with self._limiter:
                return await registered(keys=list(keys), args=list(values))
        except self._errors as error:
            raise as_unusable(error) from error

    async def is_persistent(self) -> bool:
        """Return whether the data survives a restart (append-only file)."""
        return bool(int((await self.info("persistence")).get("aof_enabled", 0)))

    async def info(self, section: str) -> dict[str, Any]:
        """Return one section of Redis's INFO.

        Raises:
            Unusable: if Redis cannot be reached or refuses.
        """
        try:
            return await self._redis.info(section)
        except self._errors as error:
            raise as_unusable(error) from error

    async def close(self) -> None:
        await self._redis.aclose()


def as_unusable(error: Exception) -> Unusable:
    """Return the library's error as ours, with its text or at least its type."""
    return Unusable(f"Redis: {error or type(error).__name__}")
