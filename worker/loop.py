"""One event loop a process, in a thread of its own, for synchronous callers such as Celery tasks.

Celery's soft time limit is an exception thrown into the main thread. With the loop elsewhere it
lands in `run`, which cancels the work and lets it clean up; thrown into the loop itself it could
land anywhere.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from concurrent.futures import Future, wait
from typing import Any, TypeVar

T = TypeVar("T")

STOPPING = "the process is stopping"
_CLEAN_UP_SECONDS = 10


class LoopThread:
    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="event-loop", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run to the end. If this thread is interrupted, the work is cancelled and may clean up first.

        The CancelledError that the work sees carries STOPPING where the process is to exit.
        """
        started: Future[asyncio.Task[T]] = Future()
        finished: Future[T] = Future()

        def start() -> None:
            task = self._loop.create_task(work)
            task.add_done_callback(lambda done: _hand_over(done, finished))
            started.set_result(task)

        self._loop.call_soon_threadsafe(start)
        try:
            return finished.result()
        except BaseException as exc:
            if not finished.done():
                reason = STOPPING if isinstance(exc, SystemExit) else type(exc).__name__
                self._loop.call_soon_threadsafe(started.result().cancel, reason)
                wait((finished,), _CLEAN_UP_SECONDS)
            raise

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_CLEAN_UP_SECONDS)
        if not self._thread.is_alive():
            self._loop.close()


def _hand_over(task: asyncio.Task[T], finished: Future[T]) -> None:
    if task.cancelled():
        finished.set_exception(asyncio.CancelledError())
    elif (error := task.exception()) is not None:
        finished.set_exception(error)
    else:
        finished.set_result(task.result())
