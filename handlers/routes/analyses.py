"""Asking for a group's analysis by hand."""

from __future__ import annotations

import logging
from uuid import UUID

from fastapi import APIRouter, Request

from core.domain.access import Scope
from core.domain.job import ANALYSIS_VERSION, JobKind, JobState, job_id
from core.errors import Conflict, NotFound, QueueUnavailable
from core.queue.names import Outgoing
from core.store import backlog, groups
from core.store.database import Connection
from handlers.routes.common import PROBLEMS, request_id_of
from handlers.schemas import JobAccepted, Problem
from handlers.wiring import deps_of

router = APIRouter(prefix="/api/v1/groups", tags=["groups"])
logger = logging.getLogger(__name__)

_RESPONSES = PROBLEMS | {404: {"model": Problem}, 409: {"model": Problem}}


@router.post("/{group_id}/analyse", status_code=202, response_model=JobAccepted, responses=_RESPONSES)
async def analyse_group(request: Request, group_id: UUID, force: bool = False) -> JobAccepted:
    """Run the group's analysis if it failed or never ran; with `force`, ask again though it is known."""
    deps = deps_of(request)
    caller = await deps.keys.caller(request, Scope.WRITE)

    async def requeue(connection: Connection) -> tuple[Outgoing, JobState]:
        group = await groups.find(connection, group_id, project_id=caller.project_id)
        if group is None:
            raise NotFound(f"no group {group_id}")
        if not await groups.has_server_error(connection, group_id):
            raise Conflict("the group has no event with status 500 or above: there is nothing to analyse")
        id_ = job_id(JobKind.ANALYSE_GROUP, group_id, ANALYSIS_VERSION)
        queued = await backlog.requeue(
            connection,
            [backlog.NewJob(job_id=id_, subject_id=group_id, project_id=group.project_id)],
            kind=JobKind.ANALYSE_GROUP,
            version=ANALYSIS_VERSION,
            force=force,
            again=False,
            request_id=request_id_of(request),
        )
        found = None if queued else await backlog.find(connection, id_, project_id=None)
        outgoing = Outgoing(job_id=id_, kind=JobKind.ANALYSE_GROUP, subject_id=group_id)
        return outgoing, found.state if found else JobState.QUEUED

    outgoing, state = await deps.database.autocommit(requeue)
    if state is JobState.QUEUED:
        try:
            await deps.publisher.send([outgoing])
        except QueueUnavailable as exc:
            logger.warning("job stored but not sent: the sweeper will", extra={"cause": str(exc)})
    return JobAccepted(job_id=outgoing.job_id, state=state)
