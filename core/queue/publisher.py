"""Sending jobs. A failure here loses nothing: the job is in PostgreSQL and the sweeper sends it."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from typing import TypeVar

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.credentials import CredentialProvider
from redis.exceptions import AuthenticationError, RedisError

from core import deadline
from core.domain.secret import RotatingSecret
from core.errors import QueueUnavailable, SecretUnavailable
from core.queue.message import canary_message, task_message
from core.queue.names import AI_ANALYSIS, BEAT_TICK, RESULT_PREFIX, TASK_OF_KIND, Outgoing

logger = logging.getLogger(__name__)

T = TypeVar("T")

_REST_SECONDS = 1.0
"""After a failure, sends fail at once for this long: a Redis that accepts connections and never
answers would otherwise cost every request the whole time-out."""


class _Password(CredentialProvider):
    """The secret's, as of when a connection is opened."""

    def __init__(self, secret: RotatingSecret) -> None:
        self._secret = secret

    def get_credentials(self) -> tuple[str]:
        return (self._secret.read().get("password", ""),)

    async def get_credentials_async(self) -> tuple[str]:
        return await asyncio.to_thread(self.get_credentials)


class Publisher:
    """One connection pool a process, opened when first used."""

    def __init__(
        self,
        url: str,
        *,
        timeout: float,
        secret: RotatingSecret | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`secret` has the `password` that `url` then lacks."""
        self._secret = secret
        self._redis = Redis.from_url(
            url,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            socket_keepalive=True,
            credential_provider=_Password(secret) if secret else None,
            # One more try at once: a pooled connection may date from before Redis restarted.
            retry=Retry(NoBackoff(), 1),
        )
        self._timeout = timeout
        self._clock = clock
        self._resting_until = 0.0

    async def send(self, jobs: list[Outgoing]) -> None:
        """One round trip. Raises QueueUnavailable within the time-out."""
        by_queue: dict[str, list[bytes]] = defaultdict(list)
        stale_results = []
        for job in jobs:
            task = TASK_OF_KIND[job.kind]
            by_queue[task.queue].append(task_message(job))
            if task.keeps_result:
                # The task's id is the job's: who waits for it must not be given the last run's result.
                stale_results.append(f"{RESULT_PREFIX}{job.job_id}")
        if not by_queue:
            return
        if self._clock() < self._resting_until:
            raise QueueUnavailable("Redis did not answer a moment ago")

        async def push() -> None:
            async with self._redis.pipeline(transaction=False) as pipe:
                if stale_results:
                    pipe.delete(*stale_results)
                for queue, messages in by_queue.items():
                    pipe.lpush(queue, *messages)
                await pipe.execute()

        try:
            await self._ask(push)
        except QueueUnavailable:
            self._resting_until = self._clock() + _REST_SECONDS
            raise

    async def send_canary(self) -> None:
        """Raises QueueUnavailable."""

        async def push() -> None:
            await self._redis.lpush(AI_ANALYSIS, canary_message(AI_ANALYSIS))

        await self._ask(push)

    async def depths(self, queues: list[str]) -> list[int]:
        """Messages that wait in each. Raises QueueUnavailable."""

        async def lengths() -> list[int]:
            async with self._redis.pipeline(transaction=False) as pipe:
                for queue in queues:
                    pipe.llen(queue)
                return [int(length) for length in await pipe.execute()]

        return await self._ask(lengths)

    async def last_tick(self) -> float | None:
        """When beat last sent something, in seconds since 1970. Raises QueueUnavailable."""

        async def tick() -> str | bytes | None:
            return await self._redis.get(BEAT_TICK)

        value = await self._ask(tick)
        return float(value) if value else None

    async def _ask(self, command: Callable[[], Awaitable[T]]) -> T:
        """Run `command` within the time-out, and once more if the password was changed meanwhile.

        A deadline that the caller is under bounds all of it.
        """
        try:
            async with asyncio.timeout(deadline.left()):
                return await self._with_password(command)
        except SecretUnavailable as exc:
            # Its text names the account and the role, and /readyz shows this one to anybody.
            logger.warning("no password for Redis", extra={"cause": str(exc)})
            raise QueueUnavailable("no password for Redis") from exc
        except (RedisError, OSError, TimeoutError) as exc:
            raise QueueUnavailable(f"Redis does not answer: {type(exc).__name__}") from exc

    async def _with_password(self, command: Callable[[], Awaitable[T]]) -> T:
        # Reading it is not within the time-out, which is for Redis.
        password = await asyncio.to_thread(self._secret.read) if self._secret else {}
        try:
            async with asyncio.timeout(self._timeout):
                return await command()
        except AuthenticationError:
            if self._secret is None or not await asyncio.to_thread(self._secret.read_again, password):
                raise
        async with asyncio.timeout(self._timeout):
            return await command()

    async def aclose(self) -> None:
        await self._redis.aclose()
