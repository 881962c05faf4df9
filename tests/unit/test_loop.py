"""The loop thread: results, errors, and an interrupted caller whose work cleans up first."""

from __future__ import annotations

import asyncio
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from worker.loop import STOPPING, LoopThread, Stopped, TimeIsUp, soft_limit


class _SoftLimit(Exception):
    pass


@pytest.fixture
def loop() -> Iterator[LoopThread]:
    thread = LoopThread()
    yield thread
    thread.close()


def test_result_and_error(loop: LoopThread) -> None:
    async def add() -> int:
        await asyncio.sleep(0)
        return 3

    async def fail() -> None:
        raise ValueError("no")

    assert loop.run(add()) == 3
    with pytest.raises(ValueError, match="no"):
        loop.run(fail())


@pytest.mark.parametrize(("interruption", "reason"), [(_SoftLimit, "_SoftLimit"), (SystemExit, STOPPING)])
def test_an_interrupt_cancels_the_work_and_waits_for_its_clean_up(
    loop: LoopThread, interruption: type[BaseException], reason: str
) -> None:
    cleaned: list[object] = []

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError as exc:
            await asyncio.sleep(0.05)
            cleaned.extend(exc.args)
            raise

    def interrupt(*_: object) -> None:
        raise interruption

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.1)
        with pytest.raises(interruption):
            loop.run(work())
    finally:
        signal.signal(signal.SIGALRM, before)
    assert cleaned == [reason]


def test_the_soft_limit_of_one_thread_is_no_other_ones(loop: LoopThread) -> None:
    seen: list[object] = []

    async def work(seconds: float) -> str:
        try:
            await asyncio.sleep(seconds)
        except asyncio.CancelledError as exc:
            await asyncio.sleep(0.05)
            seen.extend(exc.args)
            seen.append("cleaned up")
            raise
        return "done"

    def limited(seconds: float | None, lasts: float) -> str:
        soft_limit.set(seconds)
        return loop.run(work(lasts))

    with ThreadPoolExecutor(3) as threads:
        hurried = threads.submit(limited, 0.1, 60)
        patient = threads.submit(limited, None, 0.3)
        lenient = threads.submit(limited, 60, 0.3)
    assert isinstance(hurried.exception(), TimeIsUp)
    assert (patient.result(), lenient.result()) == ("done", "done")
    # No reason is given, which is what tells it from a process that stops.
    assert seen == ["cleaned up"]


def test_a_time_out_of_the_work_itself_is_no_limit(loop: LoopThread) -> None:
    async def work() -> None:
        raise TimeoutError("its own")

    with pytest.raises(TimeoutError, match="its own"):
        loop.run(work())


def test_stopping_lets_all_work_clean_up_and_none_begin(loop: LoopThread) -> None:
    reasons: list[object] = []
    begun = threading.Barrier(4)

    async def work() -> None:
        try:
            await asyncio.to_thread(begun.wait)
            await asyncio.sleep(60)
        except asyncio.CancelledError as exc:
            await asyncio.sleep(0.05)
            reasons.extend(exc.args)
            raise

    async def late() -> None:
        reasons.append("began")

    with ThreadPoolExecutor(3) as threads:
        waiting = [threads.submit(loop.run, work()) for _ in range(3)]
        begun.wait()
        loop.stop_work()
        with pytest.raises(Stopped):
            loop.run(late())
    assert reasons == [STOPPING] * 3
    assert all(isinstance(one.exception(), Stopped) for one in waiting)
