"""A sender at a steady rate over several connections, for a process of its own."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from statistics import quantiles
from typing import Any

import httpx2

EVENTS = "/api/v1/events"


@dataclass(frozen=True, kw_only=True, slots=True)
class Sender:
    """`rate` in requests a second over all connections."""

    url: str
    key: str
    project: str
    rate: float
    connections: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Sent:
    """`others`: answers that are neither 202 nor 429. Times in milliseconds, of all answers."""

    seconds: float
    sent: int
    accepted: int
    refused: int
    p50: float
    p99: float

    @property
    def others(self) -> int:
        return self.sent - self.accepted - self.refused


def event(project: str) -> dict[str, Any]:
    return {
        "project_key": project,
        "message": "Payment failed",
        "stack": 'Traceback (most recent call last):\n  File "/srv/shop.py", line 1, in pay\n    charge()\n'
        "TimeoutError: no answer",
        "status_code": 500,
        "timestamp": datetime.now(UTC).isoformat(),
    }


def send(sender: Sender, seconds: float) -> Sent:
    return asyncio.run(_send(sender, seconds))


async def _send(sender: Sender, seconds: float) -> Sent:
    started = time.perf_counter()
    statuses: Counter[int] = Counter()
    times: list[float] = []
    async with httpx2.AsyncClient(
        base_url=sender.url, headers={"Authorization": f"Bearer {sender.key}"}, trust_env=False, timeout=15
    ) as client:

        async def one_connection(number: int) -> None:
            pause = sender.connections / sender.rate
            due = started + number * pause / sender.connections
            while due < started + seconds:
                await asyncio.sleep(due - time.perf_counter())
                begun = time.perf_counter()
                answer = await client.post(EVENTS, json=event(sender.project))
                times.append((time.perf_counter() - begun) * 1_000)
                statuses[answer.status_code] += 1
                # One that is late is not made up for: the next is due as if it had been on time.
                due = max(due + pause, time.perf_counter())

        await asyncio.gather(*(one_connection(number) for number in range(sender.connections)))
    cuts = quantiles(times, n=100)
    return Sent(
        seconds=time.perf_counter() - started,
        sent=len(times),
        accepted=statuses[202],
        refused=statuses[429],
        p50=cuts[49],
        p99=cuts[98],
    )
