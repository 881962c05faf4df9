"""One event loop a process, in a thread of its own, for synchronous callers such as Celery tasks.

Any number of threads may wait for work at a time. All waiting is done here, so a database connection,
an HTTP client and a lease's renewal serve them all.
"""

from __future__ import annotations

import asyncio
import faulthandler
import sys
import threading
from collections.abc import Awaitable, Coroutine
from concurrent.futures import Future, wait
from contextvars import ContextVar
from typing import Any, TypeVar

T = TypeVar("T")

STOPPING = "the process is stopping"
CLEAN_UP_SECONDS = 10.0
"""For what is cancelled: to give its claim back, say."""

soft_limit: ContextVar[float | None] = ContextVar("soft_limit", default=None)
"""Seconds that `LoopThread.run` gives the work of this thread; None: all that it takes."""

_SIGNS_A_LIFE = 4


class Stopped(SystemExit):
    """The process is to end now. In a process of the pool a signal raises it, and in its threads `run`."""


class TimeIsUp(Exception):
    """The soft limit was reached; the work was cancelled, and has cleaned up."""


class LoopThread:
    """`stuck_after`: where the loop does nothing for so many seconds, the process shows where it is stuck and
    ends. Nothing else in it could go on, and its leases have run out; None: it stays."""

    def __init__(self, *, stuck_after: float | None = None) -> None:
        self._loop = asyncio.new_event_loop()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._is_stopping = False
        self._stuck_after = stuck_after
        self._thread = threading.Thread(target=self._loop.run_forever, name="event-loop", daemon=True)
        self._thread.start()
        if stuck_after is not None:
            self._loop.call_soon_threadsafe(self._show_life)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run to the end, or to the thread's `soft_limit`: then the work is cancelled and may clean up first.

        Raises TimeIsUp, and Stopped once `stop_work` was called. If this thread is interrupted, the work is
        cancelled as well. The CancelledError that it sees carries STOPPING where the process is to exit.
        """
        finished: Future[T] = Future()
        started: Future[asyncio.Task[T]] = Future()
        seconds = soft_limit.get()
        self._loop.call_soon_threadsafe(self._start, work, seconds, started, finished)
        try:
            return finished.result()
        except BaseException as exc:
            if not finished.done():
                reason = STOPPING if isinstance(exc, SystemExit) else type(exc).__name__
                self._loop.call_soon_threadsafe(started.result().cancel, reason)
                wait((finished,), CLEAN_UP_SECONDS)
            raise

    def stop_work(self) -> None:
        """Cancel all that is under way, and begin nothing more. Does not wait, as for a signal's handler."""
        self._is_stopping = True
        self._loop.call_soon_threadsafe(self._cancel_all)

    def close(self, *last: Awaitable[object]) -> None:
        """End the loop, after this is done."""
        for work in last:
            asyncio.run_coroutine_threadsafe(_awaited(work), self._loop).result()
        faulthandler.cancel_dump_traceback_later()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(CLEAN_UP_SECONDS)
        if not self._thread.is_alive():
            self._loop.close()

    def _start(
        self,
        work: Coroutine[Any, Any, T],
        seconds: float | None,
        started: Future[asyncio.Task[T]],
        finished: Future[T],
    ) -> None:
        if self._is_stopping:
            work.close()
            finished.set_exception(Stopped(STOPPING))
            return
        task = self._loop.create_task(_within(seconds, work))
        self._tasks.add(task)
        task.add_done_callback(lambda done: self._hand_over(done, finished))
        started.set_result(task)

    def _hand_over(self, task: asyncio.Task[T], finished: Future[T]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            finished.set_exception(Stopped(STOPPING) if self._is_stopping else asyncio.CancelledError())
        elif (error := task.exception()) is not None:
            finished.set_exception(error)
        else:
            finished.set_result(task.result())

    def _cancel_all(self) -> None:
        for task in self._tasks:
            task.cancel(STOPPING)

    def _show_life(self) -> None:
        """Put the end off. Its clock is a thread that needs no lock of the interpreter's, since what is stuck
        may hold that; and so does the standard error that was there before Celery's own."""
        if self._stuck_after is None or sys.__stderr__ is None:
            return
        faulthandler.dump_traceback_later(self._stuck_after, exit=True, file=sys.__stderr__)
        self._loop.call_later(self._stuck_after / _SIGNS_A_LIFE, self._show_life)


async def _within(seconds: float | None, work: Coroutine[Any, Any, T]) -> T:
    try:
        async with asyncio.timeout(seconds) as limit:
            return await work
    except TimeoutError as exc:
        if limit.expired():
            raise TimeIsUp(f"stopped after {seconds:g} s") from exc
        raise


async def _awaited(work: Awaitable[object]) -> None:
    await work
