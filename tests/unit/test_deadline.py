"""A deadline reaches all that the work under it waits for, and nothing else."""

from __future__ import annotations

import asyncio

import pytest

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


async def test_a_timeout_ends_what_waits() -> None:
    with pytest.raises(TimeoutError), deadline.Timeout(0.001) as limit:
        await asyncio.sleep(30)
    assert limit.is_over
    await asyncio.sleep(0)


async def test_what_ends_in_time_is_left_alone() -> None:
    with deadline.Timeout(0.001) as limit:
        await asyncio.sleep(0)
    await asyncio.sleep(0.01)
    assert not limit.is_over


async def test_of_two_timeouts_each_ends_its_own_block() -> None:
    with deadline.Timeout(30) as outer:
        with pytest.raises(TimeoutError), deadline.Timeout(0.001):
            await asyncio.sleep(30)
        await asyncio.sleep(0)
    assert not outer.is_over
    with pytest.raises(TimeoutError), deadline.Timeout(0.001) as outer, deadline.Timeout(30) as inner:
        await asyncio.sleep(30)
    assert outer.is_over
    assert not inner.is_over


async def test_whoever_cancels_the_task_as_well_is_heard() -> None:
    task: asyncio.Task[None]

    async def work() -> None:
        with deadline.Timeout(0.001):
            try:
                await asyncio.sleep(30)
            finally:
                task.cancel()

    task = asyncio.create_task(work())
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_an_error_is_not_taken_for_the_end() -> None:
    with pytest.raises(ZeroDivisionError), deadline.Timeout(30):
        raise ZeroDivisionError
