"""One event loop a process, in a thread of its own, for synchronous callers such as Celery tasks.

Celery's soft time limit is an exception thrown into the main thread. With the loop elsewhere it
lands in `run`, which cancels the work and lets it clean up; thrown into the loop itself it could
land anywhere.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")

_CLEAN_UP_SECONDS = 10


class LoopThread:
    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="event-loop", daemon=True)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run to the end. If this thread is interrupted, the work is cancelled and may clean up first."""
        finished = threading.Event()

        async def supervised() -> T:
            try:
                return await work
            finally:
                finished.set()

        future = asyncio.run_coroutine_threadsafe(supervised(), self._loop)
        try:
            return future.result()
        except BaseException:
            if future.cancel():
                finished.wait(_CLEAN_UP_SECONDS)
            raise

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_CLEAN_UP_SECONDS)
        if not self._thread.is_alive():
            self._loop.close()
