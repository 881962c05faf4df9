"""The limit on calls that many jobs of a process ask for at once."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator

import pytest

from worker.ratelimit import SharedRateLimit

CALLS = 20
TOLERANCE = 0.3
BUSY_SECONDS = 0.03


@pytest.fixture
def silent_redis() -> Iterator[str]:
    """Takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=100) as server:
        yield f"redis://127.0.0.1:{server.getsockname()[1]}/0"


async def test_a_turn_counts_from_when_its_call_begins(redis_url: str) -> None:
    """However many ask at once, and however busy each then keeps the process."""
    limit = SharedRateLimit(redis_url, name="test", rate=f"{CALLS}/second", timeout=5)
    began: list[float] = []

    async def call(busy_seconds: float) -> None:
        while await limit.wait_for_turn() > 0:
            pass
        began.append(time.monotonic())
        keep_busy(busy_seconds)

    await asyncio.gather(*(call(BUSY_SECONDS) for _ in range(CALLS)))
    for _ in range(CALLS):
        await call(0)
    await limit.aclose()
    assert min(later - first for first, later in zip(began, began[CALLS:], strict=False)) > 1 - TOLERANCE


def keep_busy(seconds: float) -> None:
    time.sleep(seconds)


async def test_a_silent_redis_is_waited_for_once(silent_redis: str) -> None:
    limit = SharedRateLimit(silent_redis, name="test", rate="1/minute", timeout=0.2)
    started = time.monotonic()
    assert await limit.wait_for_turn() == 0
    alone = time.monotonic() - started
    assert await asyncio.gather(*(limit.wait_for_turn() for _ in range(CALLS))) == [0] * CALLS
    await limit.aclose()
    assert time.monotonic() - started < CALLS / 2 * alone
