"""Asking for a group's analysis by hand."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from core.domain.job import ANALYSIS_VERSION, JobKind, JobState, job_id
from core.errors import Conflict, NotFound
from core.operations.sending import Sender, send_queued
from core.store import backlog, groups
from core.store.database import Connection, Database

_KIND = JobKind.ANALYSE_GROUP


@dataclass(frozen=True, kw_only=True, slots=True)
class Requested:
    job_id: UUID
    state: JobState


async def request(
    group_id: UUID,
    *,
    project_id: UUID | None,
    force: bool,
    request_id: str,
    database: Database,
    sender: Sender,
) -> Requested:
    """Queue the group's job if it failed or never ran, or with `force` in any case.

    Raises NotFound, and Conflict for a group without an event that is worth an analysis.
    """
    id_ = job_id(_KIND, group_id, ANALYSIS_VERSION)

    async def queue(connection: Connection) -> tuple[JobState, list[backlog.Queued]]:
        group = await groups.find(connection, group_id, project_id=project_id)
        if group is None:
            raise NotFound(f"no group {group_id}")
        if not await groups.has_server_error(connection, group_id):
            raise Conflict("the group has no event with status 500 or above: there is nothing to analyse")
        queued = await backlog.requeue(
            connection,
            [backlog.NewJob(job_id=id_, subject_id=group_id, project_id=group.project_id)],
            kind=_KIND,
            version=ANALYSIS_VERSION,
            force=force,
            again=False,
            request_id=request_id,
        )
        found = None if queued else await backlog.find(connection, id_, project_id=None)
        return (found.state if found else JobState.QUEUED), queued

    state, queued = await database.autocommit(queue)
    await send_queued(queued, sender=sender, database=database)
    return Requested(job_id=id_, state=state)
