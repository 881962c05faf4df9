"""Find what Redis or a worker lost, and send it again; and send, project by project, what waits its turn."""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Protocol

from core.domain.job import JobKind
from core.errors import QueueUnavailable
from core.queue.names import AI_ANALYSIS, TASK_OF_KIND, Outgoing
from core.store import backlog, dispatch, health, sessions
from core.store.database import Connection, Cursor, Database
from worker.usecases.window import Window

LOOK_SECONDS = 0.5
"""Between two looks of a sweep. Half a second of the fastest workers' messages is what a project that has
just come finds before it."""

SILENT_FOR = timedelta(seconds=5)
"""A process that says nothing for so long in the middle of a transaction hangs. With the time to the next
sweep, this is how long its locks are waited for."""

logger = logging.getLogger(__name__)

_QUEUES = [task.queue for task in TASK_OF_KIND.values()]


class Queue(Protocol):
    async def send(self, jobs: list[Outgoing]) -> None: ...
    async def send_canary(self) -> None: ...
    async def depths(self, queues: list[str]) -> list[int]: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class SweepTools:
    """`windows` are remembered from one sweep to the next. `lasts`: seconds of looking; 0: one look.
    Of sweeps that begin less than `apart` after another, none does anything.

    `max_losses`: workers that may die or hang with a job; `spread`: see `backlog.requeue_lost`.
    """

    database: Database
    queue: Queue
    windows: dict[JobKind, Window]
    max_losses: int
    spread: timedelta
    resend_after: timedelta
    apart: timedelta = timedelta(0)
    lasts: float = 0
    silent_for: timedelta = SILENT_FOR


@dataclass(frozen=True, kw_only=True, slots=True)
class Swept:
    """`lost`: leases that had run out. `sent`: messages sent.

    `backlog` has jobs by state as they were found; `oldest_due` is the longest wait, in seconds.
    """

    lost: int
    sent: int
    backlog: dict[str, int] = field(default_factory=dict, compare=False)
    oldest_due: float = field(default=0, compare=False)


async def sweep(tools: SweepTools) -> Swept | None:
    """Bring back what was lost, and send what is due for as long as `tools` say. None: another sweep has
    just begun, as where their messages have gathered. Raises StoreUnavailable.

    PostgreSQL's clock says so, and not a message's time to live by beat's: a worker whose own clock is
    ahead would drop every one of them.
    """
    # First of all, and by itself: what hangs may be a sweep, with locks that the rest would wait for.
    ended = await tools.database.autocommit(lambda c: sessions.end_silent(c, silent_for=tools.silent_for))
    if ended:
        logger.warning("ended %d sessions whose process hung in a transaction", ended)
    if not await tools.database.autocommit(lambda c: health.take_turn(c, "sweeper", apart=tools.apart)):
        return None
    ends = time.monotonic() + tools.lasts
    swept = await _recover(tools)
    sent = await _dispatch(tools, needs_canary=True)
    while time.monotonic() + LOOK_SECONDS < ends:
        await asyncio.sleep(LOOK_SECONDS)
        sent += await _dispatch(tools, needs_canary=False)
    return replace(swept, sent=sent)


async def _recover(tools: SweepTools) -> Swept:
    async def look(connection: Connection) -> tuple[Cursor, Cursor]:
        lost = await backlog.requeue_lost(connection, max_losses=tools.max_losses, spread=tools.spread)
        await backlog.resume_paused(connection)
        return lost, await backlog.count(connection)

    lost, counts_cursor = await tools.database.transaction(look)
    counts = await counts_cursor.fetchall()
    return Swept(
        lost=len(await lost.fetchall()),
        sent=0,
        backlog={state: count for state, count, _ in counts},
        oldest_due=max(wait for _, _, wait in counts),
    )


async def _dispatch(tools: SweepTools, *, needs_canary: bool) -> int:
    """One look: how many messages were sent; 0 where Redis does not answer.

    Each kind of job has its own queue and room, so that one whose queue nobody serves cannot keep
    another's waiting. Where nothing is due, one question to PostgreSQL is all.
    """
    if not await tools.database.autocommit(dispatch.anything_due):
        return await _look_idly(tools, needs_canary=needs_canary)
    try:
        waiting = dict(zip(_QUEUES, await tools.queue.depths(_QUEUES), strict=True))
    except QueueUnavailable:
        return 0

    async def take(connection: Connection) -> list[tuple[JobKind, Cursor]]:
        await dispatch.one_at_a_time(connection)
        taken = []
        for kind, task in TASK_OF_KIND.items():
            depth = waiting[task.queue]
            room = tools.windows[kind].room(depth)
            taken += [
                (
                    kind,
                    await dispatch.take_lost(
                        connection, kind, waiting=depth, resend_after=tools.resend_after
                    ),
                ),
                (kind, await dispatch.take_suspect(connection, kind)),
                (kind, await dispatch.take_fairly(connection, kind, waiting=depth, room=room)),
            ]
        return taken

    outgoing = []
    for kind, cursor in await tools.database.transaction(take):
        rows = sorted(await cursor.fetchall(), key=lambda row: int(row[2]))
        outgoing += [Outgoing(job_id=id_, kind=kind, subject_id=subject) for id_, subject, _ in rows]
    return await _send(outgoing, waiting, tools, needs_canary=needs_canary and waiting[AI_ANALYSIS] == 0)


async def _look_idly(tools: SweepTools, *, needs_canary: bool) -> int:
    for window in tools.windows.values():
        window.left = 0
    if needs_canary:
        with suppress(QueueUnavailable):
            [waiting] = await tools.queue.depths([AI_ANALYSIS])
            if waiting == 0:
                await tools.queue.send_canary()
    return 0


async def _send(
    jobs: list[Outgoing], waiting: dict[str, int], tools: SweepTools, *, needs_canary: bool
) -> int:
    """Where nothing waits, nothing but a canary shows that the workers take what comes."""
    try:
        await tools.queue.send(jobs)
    except QueueUnavailable:
        # A full Redis tells lengths and takes nothing: look by look the whole backlog would count as sent,
        # and come all at once when there is room.
        await tools.database.autocommit(lambda c: dispatch.unsend(c, [job.job_id for job in jobs]))
        return 0
    if needs_canary:
        with suppress(QueueUnavailable):
            await tools.queue.send_canary()
    for kind, task in TASK_OF_KIND.items():
        tools.windows[kind].left = waiting[task.queue] + sum(job.kind is kind for job in jobs)
    return len(jobs)
