"""Group commit: requests that arrive together share one transaction, and one push of their jobs.

No timer: a request that comes alone is written at once, and while a write is under way those that come
gather for the next. A request is answered after its commit, and after the push of its jobs or its failure.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Coroutine, Sequence
from contextlib import AbstractContextManager, nullcontext
from contextvars import Context
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any
from uuid import UUID

from core import deadline
from core.domain.job import ANALYSIS_VERSION, JobKind
from core.errors import StoreUnavailable
from core.operations.sending import Sender, send_or_leave
from core.queue.names import Outgoing
from core.store.database import Database
from core.store.ingest import EventStore, NewEvent, Rows, Stored, StoredEvent, rows_of

_PATIENCE = 0.25
"""Seconds that others are held back by a write. One that takes longer waits for a lock, or for a server that
is silent, and the next is written beside it."""
MOST_ROWS = 500
MOST_BYTES = 2 * 1_048_576
"""Of one write, where it is of more than one request. One request's rows are always written together."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Written:
    """What became of one request's events: `events` as in `Stored`. `deferred_job_ids`: Redis did not take
    their messages, and the sweeper will send them."""

    events: Sequence[StoredEvent | None]
    deferred_job_ids: frozenset[UUID] = frozenset()


@dataclass(eq=False, kw_only=True, slots=True)
class _Request:
    """`ends_at` by the monotonic clock; None: no deadline."""

    rows: Rows
    ends_at: float | None
    answer: asyncio.Future[Written]
    stored: Written | None = None

    def give(self, written: Written) -> None:
        if not self.answer.done():
            self.answer.set_result(written)

    def fail(self, exc: BaseException) -> None:
        if not self.answer.done():
            self.answer.set_exception(exc)

    def give_up(self) -> None:
        """Time is up. What is stored is answered as such: only its push was waited for."""
        if self.stored is not None:
            self.give(self.stored)
        else:
            self.fail(StoreUnavailable("the database does not answer"))


class EventWriter:
    """One a process, and for one event loop."""

    def __init__(self, database: Database, sender: Sender) -> None:
        self._database = database
        self._sender = sender
        self._store = EventStore(database)
        self._waiting: deque[_Request] = deque()
        self._holder: asyncio.Task[None] | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def write(self, events: Sequence[NewEvent], *, request_id: str) -> Written:
        """Store the events and send the jobs that they make.

        The write goes on where its waiter is cancelled, and where its time is up. Raises StoreUnavailable,
        and NotFound when a project of these events is gone.
        """
        loop = asyncio.get_running_loop()
        left = deadline.left()
        request = _Request(
            rows=rows_of(events, request_id=request_id),
            ends_at=None if left is None else time.monotonic() + left,
            answer=loop.create_future(),
        )
        self._waiting.append(request)
        if self._holder is None:
            self._start_a_write()
        if left is None:
            return await request.answer
        timer = loop.call_later(left, request.give_up)
        try:
            return await request.answer
        finally:
            timer.cancel()

    def _start_a_write(self) -> None:
        """Of all that waits when it begins: what comes in the same turn of the loop is gathered, too."""
        task = self._holder = self._start(self._write_next())
        timer = asyncio.get_running_loop().call_later(_PATIENCE, self._let_others, task)
        task.add_done_callback(lambda _: timer.cancel())
        task.add_done_callback(self._let_others)

    def _let_others(self, task: asyncio.Task[None]) -> None:
        if self._holder is task:
            self._holder = None
            if self._waiting:
                self._start_a_write()

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        # In a context of its own: no request's deadline and log fields are those of a write.
        task = asyncio.get_running_loop().create_task(work, context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _write_next(self) -> None:
        if group := self._next_group():
            await self._write(group)

    def _next_group(self) -> list[_Request]:
        """Those that nobody waits for any more are left out."""
        group: list[_Request] = []
        rows = size = 0
        while self._waiting:
            request = self._waiting[0]
            if not request.answer.done():
                rows += len(request.rows.events)
                size += len(request.rows.json)
                if group and (rows > MOST_ROWS or size > MOST_BYTES):
                    break
                group.append(request)
            self._waiting.popleft()
        return group

    async def _write(self, group: list[_Request]) -> None:
        try:
            with _deadline_of(group):
                stored = await self._store.store(
                    [request.rows for request in group], version=ANALYSIS_VERSION
                )
        except StoreUnavailable as exc:
            for request in group:
                # Each its own: an exception that several tasks raise would gather all their tracebacks.
                again = StoreUnavailable(str(exc))
                again.__cause__ = exc
                request.fail(again)
        except Exception as exc:  # noqa: BLE001  (whichever it is, it is one request's)
            await self._without_the_guilty(group, exc)
        else:
            self._answer(group, stored)

    async def _without_the_guilty(self, group: list[_Request], exc: Exception) -> None:
        """PostgreSQL wrote nothing because of one request: by halves, all others are written."""
        if len(group) == 1:
            group[0].fail(exc)
            return
        half = len(group) // 2
        await self._write(group[:half])
        await self._write(group[half:])

    def _answer(self, group: list[_Request], stored: Stored) -> None:
        events = iter(stored.events)
        jobs: dict[UUID, Outgoing] = {}
        to_be_sent = []
        for request in group:
            rows = request.rows.events
            written = Written(events=list(islice(events, len(rows))))
            own = _outgoing(rows, stored.job_ids_to_send) if stored.job_ids_to_send else {}
            if own:
                jobs |= own
                request.stored = replace(written, deferred_job_ids=frozenset(own))
                to_be_sent.append(request)
            else:
                request.give(written)
        if to_be_sent:
            # Beside the next write: a Redis that hangs must not keep others from being stored.
            self._start(self._send(list(jobs.values()), to_be_sent))

    async def _send(self, jobs: list[Outgoing], requests: list[_Request]) -> None:
        is_sent = False
        try:
            is_sent = await send_or_leave(jobs, sender=self._sender, database=self._database)
        finally:
            for request in requests:
                if request.stored is not None:
                    request.give(Written(events=request.stored.events) if is_sent else request.stored)

    async def aclose(self) -> None:
        """Let what is under way end."""
        while self._tasks:
            await asyncio.wait(self._tasks)


def _outgoing(rows: Sequence[NewEvent], job_ids: frozenset[UUID]) -> dict[UUID, Outgoing]:
    """Of several events that made the same job, one sends it."""
    return {
        row.job_id: Outgoing(job_id=row.job_id, kind=JobKind.ANALYSE_GROUP, subject_id=row.group_id)
        for row in rows
        if row.job_id in job_ids and row.job_id is not None
    }


def _deadline_of(group: list[_Request]) -> AbstractContextManager[None]:
    """The last request's: a write goes on for as long as anybody may wait for it."""
    ends = [request.ends_at for request in group if request.ends_at is not None]
    if len(ends) < len(group):
        return nullcontext()
    return deadline.within(max(ends) - time.monotonic())
