"""Jobs: inspected, and redriven when they ended badly."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import Query, Request

from core.domain.access import Scope
from core.domain.job import JobState
from core.errors import NotFound
from core.operations import jobs as operations
from core.store import backlog
from handlers.operator_schemas import JobOut, JobPage, Retried
from handlers.read_schemas import JobAccepted
from handlers.routes.common import (
    PROBLEMS,
    CursorParam,
    Limit,
    ProjectParam,
    cursor_of,
    problem,
    project_filter,
    router_of,
)
from handlers.wiring import deps_of

router = router_of("jobs", prefix="/api/v1/jobs")

_NOT_FOUND = PROBLEMS | {404: problem()}
_States = Annotated[
    list[JobState] | None,
    Query(description="only these; may be given again", max_length=len(JobState)),
]


@router.get("", response_model=JobPage, responses=PROBLEMS)
async def list_jobs(
    request: Request,
    state: _States = None,
    project_key: ProjectParam = None,
    cursor: CursorParam = None,
    limit: Limit = 50,
) -> JobPage:
    """Newest first."""
    deps = deps_of(request)
    caller = await deps.keys.caller(request, Scope.READ)
    project_id = await project_filter(deps, caller, project_key)
    after = cursor_of(cursor)
    page = await deps.database.autocommit(
        lambda connection: backlog.newest(
            connection, states=tuple(state or ()), project_id=project_id, after=after, limit=limit
        )
    )
    return JobPage(
        items=[JobOut.model_validate(item) for item in page.items],
        next_cursor=page.next.encode() if page.next else None,
    )


@router.get("/{job_id}", response_model=JobOut, responses=_NOT_FOUND)
async def get_job(request: Request, job_id: UUID) -> JobOut:
    deps = deps_of(request)
    caller = await deps.keys.caller(request, Scope.READ)
    found = await deps.database.autocommit(
        lambda connection: backlog.find(connection, job_id, project_id=caller.project_id)
    )
    if found is None:
        raise NotFound(f"no job {job_id}")
    return JobOut.model_validate(found)


@router.post("/retry", status_code=202, response_model=Retried, responses=PROBLEMS)
async def retry_all_jobs(request: Request) -> Retried:
    """Queue every failed and dead job again."""
    deps = deps_of(request)
    caller = await deps.keys.caller(request, Scope.WRITE)
    count = await operations.retry_all(
        project_id=caller.project_id, database=deps.database, sender=deps.publisher
    )
    return Retried(queued=count)


@router.post(
    "/{job_id}/retry",
    status_code=202,
    response_model=JobAccepted,
    responses=_NOT_FOUND | {409: problem()},
)
async def retry_job(request: Request, job_id: UUID) -> JobAccepted:
    """Queue a failed, dead or skipped job again, with all its attempts."""
    deps = deps_of(request)
    caller = await deps.keys.caller(request, Scope.WRITE)
    await operations.retry(
        job_id, project_id=caller.project_id, database=deps.database, sender=deps.publisher
    )
    return JobAccepted(job_id=job_id, state=JobState.QUEUED)
