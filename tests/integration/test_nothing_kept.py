"""The API keeps nothing of an event: what a leak of a single object an event would be seen by."""

from __future__ import annotations

import asyncio
import contextvars
import functools
import gc
from collections.abc import Callable

import httpx2
import pytest

from core.settings import Settings
from tests.integration.conftest import guide_event

WARM, EVENTS = 200, 300


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """Without quotas: what is refused is not what is looked at here."""
    return settings.model_copy(update={"ingest_rate_project": None, "ingest_rate_key": None})


@pytest.mark.parametrize(
    "nth",
    [
        lambda number: guide_event(message=f"Order {number} failed"),
        lambda number: guide_event(message=f"Failed in {letters(number)}", path=f"/{letters(number)}"),
    ],
    ids=["one group", "a new group each"],
)
async def test_objects_do_not_grow_with_events(
    client: httpx2.AsyncClient, nth: Callable[[int], dict[str, object]]
) -> None:
    """Counted, not weighed: an allocator gives back what it likes, and machines differ."""

    async def send(numbers: range) -> int:
        for number in numbers:
            response = await client.post("/api/v1/events", json=nth(number))
            assert response.status_code == 202
        return kept()

    before = await send(range(WARM))
    after = await send(range(WARM, WARM + EVENTS))
    assert after - before < EVENTS / 2


def kept() -> int:
    """Objects, but for bounded caches and timers that asyncio drops a hundred at a time."""
    # What another test's server froze would not be found.
    gc.unfreeze()
    # By type, since Celery's proxies load what they stand for when they are asked what they are.
    for found in gc.get_objects():
        if type(found) is functools._lru_cache_wrapper and found.__module__.startswith("core.domain"):
            found.cache_clear()
    gc.collect()
    dropped = (asyncio.TimerHandle, contextvars.Context)
    return sum(not issubclass(type(found), dropped) for found in gc.get_objects())


def letters(number: int) -> str:
    """No digits: those are no part of a fingerprint."""
    return "".join("abcdefghij"[int(digit)] for digit in f"{number:04}")
