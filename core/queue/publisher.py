"""Sending jobs. A failure here loses nothing: the job is in PostgreSQL and the sweeper sends it."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable

from core.domain.secret import RotatingSecret
from core.queue.connection import RedisConnection
from core.queue.message import canary_message, task_message
from core.queue.names import AI_ANALYSIS, BEAT_TICK, RESULT_PREFIX, TASK_OF_KIND, Outgoing


class Publisher:
    """`connection` is for whatever else this process asks of the same Redis."""

    def __init__(
        self,
        url: str,
        *,
        timeout: float,
        secret: RotatingSecret | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`secret` has the `password` that `url` then lacks."""
        self.connection = RedisConnection(url, timeout=timeout, secret=secret, clock=clock)
        self._redis = self.connection.redis

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

        async def push() -> None:
            if len(by_queue) == 1 and not stale_results:
                # What events make. A pipeline would cost nearly as much as the command itself.
                [(queue, messages)] = by_queue.items()
                await self._redis.lpush(queue, *messages)
                return
            async with self._redis.pipeline(transaction=False) as pipe:
                if stale_results:
                    pipe.delete(*stale_results)
                for queue, messages in by_queue.items():
                    pipe.lpush(queue, *messages)
                await pipe.execute()

        await self.connection.ask_unless_resting(push)

    async def send_canary(self) -> None:
        """Raises QueueUnavailable."""

        async def push() -> None:
            await self._redis.lpush(AI_ANALYSIS, canary_message(AI_ANALYSIS))

        await self.connection.ask(push)

    async def depths(self, queues: list[str]) -> list[int]:
        """Messages that wait in each. Raises QueueUnavailable."""

        async def lengths() -> list[int]:
            async with self._redis.pipeline(transaction=False) as pipe:
                for queue in queues:
                    pipe.llen(queue)
                return [int(length) for length in await pipe.execute()]

        return await self.connection.ask(lengths)

    async def last_tick(self) -> float | None:
        """When beat last sent something, in seconds since 1970. Raises QueueUnavailable."""

        async def tick() -> str | bytes | None:
            return await self._redis.get(BEAT_TICK)

        value = await self.connection.ask(tick)
        return float(value) if value else None

    async def aclose(self) -> None:
        await self.connection.aclose()
