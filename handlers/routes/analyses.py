"""Asking for a group's analysis by hand."""

from __future__ import annotations

from uuid import UUID

from fastapi import Request

from core.domain.access import Scope
from core.operations import analyses
from handlers.read_schemas import JobAccepted
from handlers.routes.common import PROBLEMS, problem, request_id_of, router_of
from handlers.wiring import deps_of

router = router_of("groups", prefix="/api/v1/groups")

_RESPONSES = PROBLEMS | {404: problem(), 409: problem()}


@router.post("/{group_id}/analyse", status_code=202, response_model=JobAccepted, responses=_RESPONSES)
async def analyse_group(request: Request, group_id: UUID, force: bool = False) -> JobAccepted:
    """Run the group's analysis if it failed or never ran; with `force`, ask again though it is known."""
    deps = deps_of(request)
    caller = await deps.keys.caller(request, Scope.WRITE)
    requested = await analyses.request(
        group_id,
        project_id=caller.project_id,
        force=force,
        request_id=request_id_of(request),
        database=deps.database,
        sender=deps.publisher,
    )
    return JobAccepted(job_id=requested.job_id, state=requested.state)
