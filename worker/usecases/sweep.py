"""Find what Redis or a worker lost, and send it again."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from core.domain.job import JobKind, JobState
from core.errors import QueueUnavailable
from core.queue.names import AI_ANALYSIS, TASK_OF_KIND, Outgoing
from core.store import backlog, health
from core.store.database import Connection, Cursor, Database

_WAITING_IS_ENOUGH = 500
_AT_LEAST = 50


class Queue(Protocol):
    async def send(self, jobs: list[Outgoing]) -> None: ...
    async def send_canary(self) -> None: ...
    async def depths(self, queues: list[str]) -> list[int]: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Swept:
    """`lost`: leases that had run out. `sent`: messages sent, or zero when Redis does not answer.

    `backlog` has jobs by state as they were found; `oldest_due` is the longest wait, in seconds.
    """

    lost: int
    sent: int
    backlog: dict[str, int] = field(default_factory=dict, compare=False)
    oldest_due: float = field(default=0, compare=False)


async def sweep(*, database: Database, queue: Queue, max_attempts: int, resend_after: timedelta) -> Swept:
    """One look.

    Each kind of job has its own room, so that one whose queue nobody serves cannot keep another's
    retries waiting. A long queue is left to its workers: what is in it is not lost, only waiting, and
    sending it again would make it longer for ever.
    """
    waiting = await _waiting(queue)

    async def look(connection: Connection) -> tuple[Cursor, Cursor, dict[JobKind, Cursor]]:
        await health.beat(connection, "sweeper")
        lost = await backlog.requeue_lost(connection, max_attempts=max_attempts)
        await backlog.resume_paused(connection)
        counts = await backlog.count(connection)
        due = {}
        for kind, task in TASK_OF_KIND.items():
            room = max(0, _WAITING_IS_ENOUGH - waiting[task.queue])
            due[kind] = await backlog.take_due(
                connection, kind, unsent=max(_AT_LEAST, room), resent=room, resend_after=resend_after
            )
        return lost, counts, due

    lost, counts_cursor, due_cursors = await database.transaction(look)
    counts = await counts_cursor.fetchall()
    due = [
        Outgoing(job_id=id_, kind=kind, subject_id=subject)
        for kind, cursor in due_cursors.items()
        for id_, subject in await cursor.fetchall()
    ]
    return Swept(
        lost=len(await lost.fetchall()),
        sent=await _send(due, queue, needs_canary=waiting[AI_ANALYSIS] == 0),
        backlog={state: count for state, count, _ in counts},
        oldest_due=max((wait for state, _, wait in counts if state == JobState.QUEUED), default=0.0),
    )


async def _send(due: list[Outgoing], queue: Queue, *, needs_canary: bool) -> int:
    """Where nothing waits, nothing but a canary shows that the workers take what comes."""
    try:
        await queue.send(due)
        if needs_canary:
            await queue.send_canary()
    except QueueUnavailable:
        return 0
    return len(due)


async def _waiting(queue: Queue) -> dict[str, int]:
    names = [task.queue for task in TASK_OF_KIND.values()]
    try:
        return dict(zip(names, await queue.depths(names), strict=True))
    except QueueUnavailable:
        return dict.fromkeys(names, 0)
