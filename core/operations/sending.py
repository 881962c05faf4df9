"""Sending jobs that are stored: now if Redis answers, else by the sweeper."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING, Protocol

from core.errors import QueueUnavailable, StoreUnavailable
from core.queue.names import Outgoing
from core.store import dispatch
from core.store.database import Database

if TYPE_CHECKING:
    from core.store.backlog import Queued

logger = logging.getLogger(__name__)


class Sender(Protocol):
    async def send(self, jobs: list[Outgoing]) -> None: ...


async def send_or_leave(jobs: list[Outgoing], *, sender: Sender, database: Database) -> bool:
    """False: Redis does not answer, and the sweeper will send them as soon as it does."""
    try:
        await sender.send(jobs)
    except QueueUnavailable as exc:
        logger.warning("jobs stored but not sent: the sweeper will", extra={"cause": str(exc)})
        # Where this fails too, they are found as those whose messages were lost.
        with suppress(StoreUnavailable):
            await database.autocommit(lambda c: dispatch.unsend(c, [job.job_id for job in jobs]))
        return False
    return True


async def send_queued(queued: Sequence[Queued], *, sender: Sender, database: Database) -> None:
    """Send those that are not the sweeper's to send; where Redis does not answer, they are, too."""
    jobs = [
        Outgoing(job_id=job.job_id, kind=job.kind, subject_id=job.subject_id) for job in queued if job.is_sent
    ]
    await send_or_leave(jobs, sender=sender, database=database)
