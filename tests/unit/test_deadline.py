"""A deadline reaches all that the work under it waits for, and nothing else."""

from __future__ import annotations

import asyncio

from core import deadline


def test_without_a_deadline_every_limit_is_its_own() -> None:
    assert deadline.left() is None
    assert deadline.limit(10) == 10
    with deadline.leaving(5):
        assert deadline.left() is None


def test_the_sooner_end_counts() -> None:
    with deadline.within(10):
        assert 9 < deadline.limit(60) <= 10
        assert deadline.limit(1) == 1
        with deadline.within(60):
            assert 9 < deadline.limit(60) <= 10
        with deadline.leaving(4):
            assert 5 < deadline.limit(60) <= 6
        with deadline.leaving(20):
            assert deadline.left() == 0
        assert 9 < deadline.limit(60) <= 10
    assert deadline.left() is None


async def test_tasks_and_threads_of_the_work_are_under_it() -> None:
    async def child() -> float:
        return deadline.limit(60)

    with deadline.within(5):
        assert await asyncio.create_task(child()) <= 5
        assert await asyncio.to_thread(deadline.limit, 60) <= 5
    assert await asyncio.create_task(child()) == 60
