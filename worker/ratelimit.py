"""A limit on calls that all workers share, kept in Redis by `limits`. The only file that knows it."""

from __future__ import annotations

import asyncio
import logging
import time

from limits import RateLimitItem, parse
from limits.aio.storage import RedisStorage
from limits.aio.strategies import MovingWindowRateLimiter
from limits.errors import StorageError
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

_SHORTEST_WAIT = 0.5


class SharedRateLimit:
    """`rate` as `limits` writes it: `10/minute`. In any stretch of that length there are no more calls."""

    def __init__(self, redis_url: str, *, name: str, rate: str, timeout: float) -> None:
        self._storage = RedisStorage(
            f"async+{redis_url}",
            wrap_exceptions=True,
            implementation="redispy",
            key_prefix="rootnote:rate",
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
        )
        self._limiter = MovingWindowRateLimiter(self._storage)
        self._item: RateLimitItem = parse(rate)
        self._name = name
        self._one_at_a_time = asyncio.Lock()
        self._times_away = 0

    async def wait_for_turn(self) -> float:
        """Seconds until a call is allowed; 0 takes the turn.

        With Redis away every call is allowed: jobs come by Redis, so hardly any can come then.
        """
        try:
            if await self._take():
                return 0.0
            stats = await self._limiter.get_window_stats(self._item, self._name)
        except (StorageError, RedisError, OSError) as exc:
            self._times_away += 1
            logger.warning("the rate limit cannot be read", extra={"cause": type(exc).__name__})
            return 0.0
        return max(_SHORTEST_WAIT, stats.reset_time - time.time())

    async def _take(self) -> bool:
        """A turn counts from when it is asked for, and its call begins when it is given. Many askers at once
        would each wait for all the others in between, so that calls lie closer than the limit allows."""
        times_away = self._times_away
        async with self._one_at_a_time:
            if self._times_away != times_away:
                # Those behind another whose time-out has passed need not wait for one each.
                return True
            return await self._limiter.hit(self._item, self._name)

    async def aclose(self) -> None:
        # `limits` has no way to end its connections but the client that it keeps.
        await self._storage.bridge.get_connection().aclose()  # type: ignore[attr-defined]


class NoRateLimit:
    """Every call is allowed."""

    async def wait_for_turn(self) -> float:
        return 0.0

    async def aclose(self) -> None:
        """There is nothing to close."""
