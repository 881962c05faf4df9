"""Groups: events that are the same error, with the group's analysis."""

from __future__ import annotations

from uuid import UUID

from fastapi import Request

from core.domain.access import Scope
from core.errors import NotFound
from core.store import groups
from handlers.read_schemas import GroupOut, GroupPage
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

router = router_of("groups", prefix="/api/v1/groups")


@router.get("", response_model=GroupPage, responses=PROBLEMS)
async def list_groups(
    request: Request, project_key: ProjectParam = None, cursor: CursorParam = None, limit: Limit = 50
) -> GroupPage:
    """By first event, newest first."""
    deps = deps_of(request)
    caller = await deps.keys.caller(request, Scope.READ)
    project_id = await project_filter(deps, caller, project_key)
    after = cursor_of(cursor)
    page = await deps.database.autocommit(
        lambda connection: groups.newest(connection, project_id=project_id, after=after, limit=limit)
    )
    return GroupPage(
        items=[GroupOut.model_validate(item) for item in page.items],
        next_cursor=page.next.encode() if page.next else None,
    )


@router.get("/{group_id}", response_model=GroupOut, responses=PROBLEMS | {404: problem()})
async def get_group(request: Request, group_id: UUID) -> GroupOut:
    deps = deps_of(request)
    caller = await deps.keys.caller(request, Scope.READ)
    view = await deps.database.autocommit(
        lambda connection: groups.find(connection, group_id, project_id=caller.project_id)
    )
    if view is None:
        raise NotFound(f"no group {group_id}")
    return GroupOut.model_validate(view)
