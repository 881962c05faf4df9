"""The parent's side: which process gets a task, and what is done when one ends.

All of it is Celery's prefork pool, told that a process has several seats. What tasks are accepted, active,
unacknowledged, over their time limit or lost with their process is kept by it for each task, as ever.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from billiard import pool as billiard_pool
from celery.concurrency import asynpool, prefork
from celery.worker import state

from core.settings import load
from worker.pool.child import LEAVING, Worker, limited
from worker.pool.claimant import give_word, name_of
from worker.pool.lost import end_leases_of
from worker.pool.seats import Seats

_TimeoutHandlerBase: Any = billiard_pool.TimeoutHandler
_ResultHandlerBase: Any = asynpool.ResultHandler
_PoolBase: Any = asynpool.AsynPool
_TaskPoolBase: Any = prefork.TaskPool

_NO_OPTIONS: Mapping[str, Any] = MappingProxyType({})


class _TimeoutHandler(_TimeoutHandlerBase):
    def on_soft_timeout(self, job: Any) -> None:
        """The process keeps this limit by itself (`child.limited`); here it is only logged."""
        job.handle_timeout(soft=True)


class _ResultHandler(_ResultHandlerBase):
    def __init__(self, *args: Any, **options: Any) -> None:
        # Counting by process what was heard of it takes a process to have one task: `_Pool` counts.
        super().__init__(*args, **options | {"on_ready_counters": None})

    def _flush_outqueue(self, fd: int, remove: Any, process_index: Any, on_state_change: Any) -> Any:
        """While the worker stops. Celery's own takes one message from each process at a time, and rests for
        half a second wherever there is none: 40 tasks of one process would take 20 s."""
        result = super()._flush_outqueue(fd, remove, process_index, on_state_change)
        while self._has_more(process_index.get(fd)):
            result = super()._flush_outqueue(fd, remove, process_index, on_state_change)
        return result

    @staticmethod
    def _has_more(process: Any) -> bool:
        try:
            # A pipe that has no other name.
            return process is not None and bool(process.outq._reader.poll(0))  # noqa: SLF001
        except (OSError, EOFError):
            return False


class _Pool(_PoolBase):
    Worker = Worker
    TimeoutHandler = _TimeoutHandler
    ResultHandler = _ResultHandler

    def __init__(self, *args: Any, seats: int, **options: Any) -> None:
        super().__init__(*args, **options)
        self._busy_workers = Seats(seats, up=self._all_inqueues)

    def apply_async(
        self,
        func: Callable[..., Any],
        args: Any = (),
        kwds: Any = _NO_OPTIONS,
        *rest: Any,
        soft_timeout: float | None = None,
        **options: Any,
    ) -> Any:
        seconds = soft_timeout or self.soft_timeout
        return super().apply_async(
            limited, (seconds, func, *args), dict(kwds), *rest, soft_timeout=seconds, **options
        )

    def WorkerProcess(self, worker: Any) -> Any:  # noqa: N802  (billiard's)
        process = super().WorkerProcess(worker)
        give_word(process)
        return process

    def _process_cleanup_queues(self, proc: Any) -> None:
        """Called once for each process that is gone, and waited for, while others are to go on."""
        super()._process_cleanup_queues(proc)
        self.apply_async(end_leases_of, (name_of(proc),))

    def create_result_handler(self) -> Any:
        handler = super().create_result_handler()
        handler.state_handlers[LEAVING] = self._on_leaving
        return handler

    def _on_leaving(self, pipe: int) -> None:
        self._busy_workers.leave(pipe)

    def on_job_ready(self, job: Any, i: Any, obj: Any, pipe: int) -> None:
        self._busy_workers.release(pipe)
        process = self._fileno_to_inq.get(pipe)
        counter = process and self._on_ready_counters.get(process.pid)
        if counter:
            with counter.get_lock():
                counter.value += 1


class TaskPool(_TaskPoolBase):
    """For `worker_pool`: with it, `--pool=prefork` and no `--pool` at all mean this one."""

    Pool = _Pool
    uses_semaphore = False
    """It lets through as many tasks as there are processes."""

    def on_start(self) -> None:
        self.options["seats"] = load().jobs_per_process
        super().on_start()

    def on_stop(self) -> None:
        if bool(state.should_terminate) and self._pool is not None:
            # Celery tells only those whose tasks it cancels, and takes one that came twice for done.
            for process in self._pool._pool:  # noqa: SLF001  (as Celery's own pool reads it)
                process.terminate()
        super().on_stop()

    def _get_info(self) -> dict[str, Any]:
        info: dict[str, Any] = super()._get_info()
        return info | {"jobs-per-process": load().jobs_per_process}
