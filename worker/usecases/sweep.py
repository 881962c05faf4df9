"""Find what Redis or a worker lost, and send it again."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from core.domain.job import JobKind, JobState
from core.errors import QueueUnavailable
from core.queue.names import Outgoing
from core.store import backlog, health
from core.store.database import Connection, Cursor, Database

_WAITING_IS_ENOUGH = 500
_AT_LEAST = 50


class Queue(Protocol):
    async def send(self, jobs: list[Outgoing]) -> None: ...
    async def depth(self, queue: str) -> int: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Swept:
    """`lost`: leases that had run out. `sent`: messages sent, or zero when Redis does not answer.

    `backlog` has jobs by state as they were found; `oldest_due` is the longest wait, in seconds.
    """

    lost: int
    sent: int
    backlog: dict[str, int] = field(default_factory=dict, compare=False)
    oldest_due: float = field(default=0, compare=False)


async def sweep(
    *,
    database: Database,
    queue: Queue,
    queue_names: tuple[str, ...],
    max_attempts: int,
    resend_after: timedelta,
) -> Swept:
    """One look. A long queue is left to its workers: what is in it is not lost, only waiting, and sending
    it again would only make it longer."""
    limit = max(_AT_LEAST, _WAITING_IS_ENOUGH - await _waiting(queue, queue_names))

    async def look(connection: Connection) -> tuple[Cursor, Cursor, Cursor]:
        await health.beat(connection, "worker")
        lost = await backlog.requeue_lost(connection, max_attempts=max_attempts)
        await backlog.resume_paused(connection)
        counts = await backlog.count(connection)
        return lost, counts, await backlog.take_due(connection, limit=limit, resend_after=resend_after)

    lost_cursor, counts_cursor, due_cursor = await database.transaction(look)
    counts = await counts_cursor.fetchall()
    lost = len(await lost_cursor.fetchall())
    due = [
        Outgoing(job_id=id_, kind=JobKind(kind), subject_id=subject)
        for id_, kind, subject in await due_cursor.fetchall()
    ]
    return Swept(
        lost=lost,
        sent=await _send(due, queue),
        backlog={state: count for state, count, _ in counts},
        oldest_due=max((wait for state, _, wait in counts if state == JobState.QUEUED), default=0.0),
    )


async def _send(due: list[Outgoing], queue: Queue) -> int:
    try:
        await queue.send(due)
    except QueueUnavailable:
        return 0
    return len(due)


async def _waiting(queue: Queue, names: tuple[str, ...]) -> int:
    try:
        return sum([await queue.depth(name) for name in names])
    except QueueUnavailable:
        return 0
