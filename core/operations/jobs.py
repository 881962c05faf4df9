"""Redriving jobs that ended badly."""

from __future__ import annotations

from uuid import UUID

from core.errors import Conflict, NotFound
from core.operations.sending import Sender, send_queued
from core.store import backlog, health
from core.store.database import Connection, Database

_BATCH = 500


async def retry(job_id: UUID, *, project_id: UUID | None, database: Database, sender: Sender) -> None:
    """Queue one ended job again, with all its attempts. Raises NotFound; Conflict where it has not failed."""

    async def redrive(connection: Connection) -> list[backlog.Queued]:
        queued = await backlog.redrive(connection, job_id=job_id, project_id=project_id, limit=1)
        if not queued:
            found = await backlog.find(connection, job_id, project_id=project_id)
            if found is None:
                raise NotFound(f"no job {job_id}")
            raise Conflict(f"the job is {found.state}: only what failed, died or was skipped can be retried")
        return queued

    await send_queued(await database.autocommit(redrive), sender=sender, database=database)


async def retry_all(*, project_id: UUID | None, database: Database, sender: Sender) -> int:
    """Queue every failed and dead job again, but none twice: those that fail at once would keep this
    going for ever. Gives how many."""
    started = await database.autocommit(health.now)

    async def redrive(connection: Connection) -> list[backlog.Queued]:
        return await backlog.redrive(
            connection, job_id=None, project_id=project_id, limit=_BATCH, ended_by=started
        )

    total = 0
    while queued := await database.autocommit(redrive):
        await send_queued(queued, sender=sender, database=database)
        total += len(queued)
    return total
