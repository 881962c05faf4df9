"""Buckets of tokens, kept by `throttled`: in Redis for all processes, or in this one. No other file knows it.

Of its algorithms this is GCRA, which is the token bucket without a timer. The one that it calls token bucket
counts whole seconds: by that, a second's tokens too many come in, and parts of a second are lost.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import lru_cache
from typing import Protocol, cast

from throttled.asyncio.rate_limiter.base import BaseRateLimiter
from throttled.asyncio.rate_limiter.gcra import GCRARateLimiter
from throttled.asyncio.store import BaseStore, BaseStoreBackend, MemoryStore, RedisStore, RedisStoreBackend
from throttled.rate_limiter import per_duration
from throttled.types import AsyncRedisClientP

from core.domain.quota import Quota
from core.queue.connection import RedisConnection

_PREFIX = "rootnote:quota"
_HOUR = timedelta(hours=1)
_MOST_QUOTAS = 1_000
_MOST_LOCAL_BUCKETS = 10_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Taken:
    """`left`: tokens in the bucket, where fewer than asked for were there; below 0 where it owes some."""

    is_granted: bool
    left: float = 0.0


class Buckets(Protocol):
    async def take(self, name: str, quota: Quota, tokens: int) -> Taken:
        """All of the tokens or none. A bucket that nobody took from is full."""


class SharedBuckets:
    """One bucket for all processes, forgotten when it is full again."""

    def __init__(self, connection: RedisConnection) -> None:
        self._connection = connection
        self._limiters = _Limiters(_OurRedis(connection))

    async def take(self, name: str, quota: Quota, tokens: int) -> Taken:
        """One round trip. Raises QueueUnavailable, at once while Redis rests from a failure."""
        return await self._connection.ask_unless_resting(lambda: self._limiters.take(name, quota, tokens))


class LocalBuckets:
    """Each process has its own."""

    def __init__(self) -> None:
        self._limiters = _Limiters(MemoryStore(options={"MAX_SIZE": _MOST_LOCAL_BUCKETS}))

    async def take(self, name: str, quota: Quota, tokens: int) -> Taken:
        return await self._limiters.take(name, quota, tokens)


class _Limiters:
    """One for each quota, since a limiter has a quota and not a bucket."""

    def __init__(self, store: BaseStore) -> None:
        self._store = store
        self._of = lru_cache(maxsize=_MOST_QUOTAS)(self._make)

    def _make(self, quota: Quota) -> BaseRateLimiter:
        # A whole number of events in some hours is as near as the library comes to any rate.
        return GCRARateLimiter(
            per_duration(_HOUR, max(1, round(quota.rate * 3_600)), quota.capacity),
            self._store,
            key_prefix=_PREFIX,
        )

    async def take(self, name: str, quota: Quota, tokens: int) -> Taken:
        # The rate is part of the name, since what a bucket owes is kept in seconds: one that was emptied at a
        # low rate would stay empty for minutes after that was raised.
        result = await self._of(quota).limit(f"{name}:{quota.rate:g}", tokens)
        if not result.limited:
            return Taken(is_granted=True)
        return Taken(is_granted=False, left=tokens - result.state.retry_after * quota.rate)


class _OurConnections(RedisStoreBackend):
    """Its own could neither change their password nor be bounded in time as ours are."""

    # What Redis raises comes out as it is, for RedisConnection to judge.
    base_exceptions = ()

    def __init__(self, connection: RedisConnection) -> None:
        BaseStoreBackend.__init__(self)
        self._client = cast("AsyncRedisClientP", connection.redis)


class _OurRedis(RedisStore):
    def __init__(self, connection: RedisConnection) -> None:
        self.server, self.options = None, {}
        self._backend = _OurConnections(connection)
