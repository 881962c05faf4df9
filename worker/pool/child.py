"""A process of the pool: its main thread reads what is to be done, and each task has a thread of its own.

In that thread a task waits for the one event loop of the process, where its work is done. How many tasks
there are at a time is the parent's affair (`parent`), so there is a thread for each that comes; it is
accepted, which its hard time limit is measured from, when that thread begins.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import suppress
from time import monotonic
from typing import Any

from billiard.compat import mem_rss
from billiard.einfo import ExceptionInfo
from billiard.pool import ACK, EX_OK, EX_RECYCLE, READY, MaybeEncodingError
from celery.concurrency import asynpool
from celery.exceptions import SoftTimeLimitExceeded

from worker.loop import CLEAN_UP_SECONDS, Stopped, TimeIsUp, soft_limit

LEAVING = 16
"""Says that this process is to be given no more tasks. Celery's own words end at 15."""

_LOOK_SECONDS = 0.2
_MOST_THREADS = 10_000
"""More than any parent sends."""


def limited(seconds: float | None, work: Callable[..., Any], *args: Any, **options: Any) -> Any:
    """Do `work` under a soft time limit, which `LoopThread.run` keeps: Celery's own signal would reach the
    main thread, and say nothing of which task it is about. Raises SoftTimeLimitExceeded."""
    token = soft_limit.set(seconds)
    try:
        return work(*args, **options)
    except TimeIsUp as exc:
        raise SoftTimeLimitExceeded(seconds) from exc
    finally:
        soft_limit.reset(token)


_Worker: Any = asynpool.Worker


class Worker(_Worker):
    """billiard's own, with another `workloop`."""

    def after_fork(self) -> None:
        super().after_fork()
        # Sent when jobs are cancelled or one is over its hard limit.
        signal.signal(signal.SIGTERM, _stop)

    def workloop(self, *_: object, pid: int | None = None, **__: object) -> int:
        """Until the parent says so or ends, a signal does (Stopped), or this process has done its share.

        What is under way is waited for; after Stopped not for long.
        """
        tasks = _Tasks(self, pid)
        try:
            return self._work(tasks)
        except SystemExit as exc:
            with suppress(Stopped):
                if isinstance(exc, Stopped):
                    tasks.wait(CLEAN_UP_SECONDS)
                else:
                    tasks.wait_patiently()
            raise
        finally:
            # Or what the parent has not read yet would be lost with this process.
            self._ensure_messages_consumed(completed=tasks.done)

    def _work(self, tasks: _Tasks) -> int:
        while not self._has_done_its_share(tasks.done):
            self._start_next(tasks)
        tasks.say(LEAVING, self.inqW_fd)
        # Some may have been sent before the parent heard it.
        while tasks.running or not self.inq.empty():
            if self.inq.empty():
                wait(tasks.running.copy(), _LOOK_SECONDS, FIRST_COMPLETED)
            else:
                self._start_next(tasks)
        return int(EX_RECYCLE)

    def _start_next(self, tasks: _Tasks) -> None:
        """Waits for it without end."""
        request = self.wait_for_job()
        if request is not None:
            tasks.start(*request[1])

    def _has_done_its_share(self, done: int) -> bool:
        """By --max-tasks-per-child and --max-memory-per-child."""
        if self.maxtasks and done >= self.maxtasks:
            return True
        return bool(self.max_memory_per_child) and mem_rss() > self.max_memory_per_child


def _stop(*_: object) -> None:
    # It may be sent once for each job.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if wiring := sys.modules.get("worker.wiring"):
        # What is under way gives its claim back. A process that never worked need not load it.
        wiring.stop_work()
    raise Stopped(EX_OK)


class _Tasks:
    """Those that this process has. `done` counts what the parent was told the outcome of."""

    def __init__(self, worker: Worker, pid: int | None) -> None:
        self.done = 0
        self.running: set[Future[None]] = set()
        self._worker = worker
        self._pid = pid
        self._speaking = threading.Lock()
        self._threads = ThreadPoolExecutor(_MOST_THREADS, thread_name_prefix="task")

    def start(self, job: int, i: int | None, work: Callable[..., Any], args: Any, options: Any) -> None:
        future = self._threads.submit(self._run, job, i, work, args, options)
        self.running.add(future)
        future.add_done_callback(self.running.discard)

    def say(self, word: int, *what: object) -> None:
        """To the parent."""
        with self._speaking:
            self._worker.outq.put((word, what))

    def wait(self, seconds: float | None) -> None:
        wait(self.running.copy(), seconds)

    def wait_patiently(self) -> None:
        """To the end; or for a little, once a signal tells the process to stop."""
        try:
            self.wait(None)
        except Stopped:
            self.wait(CLEAN_UP_SECONDS)

    def _run(self, job: int, i: int | None, work: Callable[..., Any], args: Any, options: Any) -> None:
        self.say(ACK, job, i, monotonic(), self._pid, self._worker.synqW_fd)
        try:
            result = (True, work(*args, **options))
        except BaseException:  # noqa: BLE001  (the parent is told, whatever it was)
            result = (False, ExceptionInfo())
        self._tell(job, i, result)

    def _tell(self, job: int, i: int | None, result: tuple[bool, Any]) -> None:
        try:
            self.say(READY, job, i, result, self._worker.inqW_fd)
        except Exception as exc:  # noqa: BLE001  (what cannot be pickled says so in many ways)
            error = MaybeEncodingError(exc, result[1])
            info = ExceptionInfo((MaybeEncodingError, error, exc.__traceback__))
            self.say(READY, job, i, (False, info), self._worker.inqW_fd)
        with self._speaking:
            self.done += 1
