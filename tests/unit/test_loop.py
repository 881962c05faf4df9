"""The loop thread: results, errors, and an interrupted caller whose work cleans up first."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Iterator

import pytest

from worker.loop import STOPPING, LoopThread


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
