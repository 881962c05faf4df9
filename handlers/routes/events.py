"""Events, as they are read back with their analysis."""

from __future__ import annotations

from uuid import UUID

from fastapi import Request

from core.domain.access import Scope
from core.errors import NotFound
from core.store import events
from handlers.read_schemas import EventOut, EventPage
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

router = router_of("events", prefix="/api/v1/events")


@router.get("", response_model=EventPage, responses=PROBLEMS)
async def list_events(
    request: Request,
    project_key: ProjectParam = None,
    group_id: UUID | None = None,
    cursor: CursorParam = None,
    limit: Limit = 50,
) -> EventPage:
    """Newest first, with the analysis of each that has one."""
    deps = deps_of(request)
    caller = await deps.keys.caller(request, Scope.READ)
    project_id = await project_filter(deps, caller, project_key)
    after = cursor_of(cursor)
    page = await deps.database.autocommit(
        lambda connection: events.newest(
            connection, project_id=project_id, group_id=group_id, after=after, limit=limit
        )
    )
    return EventPage(
        items=[EventOut.model_validate(item) for item in page.items],
        next_cursor=page.next.encode() if page.next else None,
    )


@router.get("/{event_id}", response_model=EventOut, responses=PROBLEMS | {404: problem()})
async def get_event(request: Request, event_id: UUID) -> EventOut:
    deps = deps_of(request)
    caller = await deps.keys.caller(request, Scope.READ)
    view = await deps.database.autocommit(
        lambda connection: events.find(connection, event_id, project_id=caller.project_id)
    )
    if view is None:
        raise NotFound(f"no event {event_id}")
    return EventOut.model_validate(view)
