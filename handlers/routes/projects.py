"""Projects: their own fields, as people write them."""

from __future__ import annotations

from uuid import UUID

from fastapi import Request
from fastapi.responses import Response

from core.domain.access import Caller, Scope
from core.errors import Forbidden, NotFound
from core.operations.project_input import ProjectIn
from core.store import projects
from handlers.bodies import parse, read_body
from handlers.project_schemas import ProjectOut, ProjectPage
from handlers.responses import InertJSONResponse
from handlers.routes.common import (
    BODY_PROBLEMS,
    PROBLEMS,
    CursorParam,
    Limit,
    body_of,
    cursor_of,
    problem,
    router_of,
)
from handlers.wiring import deps_of

router = router_of("projects", prefix="/api/projects")

_NOT_FOUND = PROBLEMS | {404: problem()}


@router.put(
    "/{project_id}",
    response_model=ProjectOut,
    responses=BODY_PROBLEMS | {201: {"model": ProjectOut}, 409: problem("Key taken")},
    openapi_extra=body_of(ProjectIn),
)
async def put_project(request: Request, project_id: UUID) -> Response:
    """Write all of the project's fields; those left out get their defaults, but for its key. 201: new.

    The key cannot be changed later. Budgets need an admin key and `ingest_rate` one for all projects; both
    stay as they are for others.
    """
    deps = deps_of(request)
    caller = await deps.keys.caller(request, Scope.WRITE)
    if caller.project_id not in (None, project_id):
        raise Forbidden("this key is for another project")
    wanted = parse(ProjectIn, await read_body(request, deps.settings))
    fields = wanted.fields(default_key=str(project_id))
    keeps = _not_to_set(caller, wanted)
    is_new = await deps.database.autocommit(
        lambda c: projects.put(c, project_id, fields, keeps_key=wanted.key is None, keeps=keeps)
    )
    stored = await deps.database.autocommit(lambda c: projects.find(c, project_id))
    if stored is None:
        raise NotFound(f"no project {project_id}")
    return InertJSONResponse(ProjectOut.of(stored).model_dump(mode="json"), 201 if is_new else 200)


def _not_to_set(caller: Caller, wanted: ProjectIn) -> set[str]:
    """The fields that are not this caller's to set. Raises Forbidden if one of them was sent.

    A project's own admin says what it may spend, but not how much of what all projects share it may take.
    """
    is_admin = caller.scope.covers(Scope.ADMIN)
    budgets = set() if is_admin else {"budget_day_usd", "budget_month_usd"}
    if wanted.model_fields_set & budgets:
        raise Forbidden("a project's budgets are set with an admin key")
    rate = set() if is_admin and caller.project_id is None else {"ingest_rate"}
    if wanted.model_fields_set & rate:
        raise Forbidden("a project's ingest_rate is set with an admin key for all projects")
    return budgets | rate


@router.get("/{project_id}", response_model=ProjectOut, responses=_NOT_FOUND)
async def get_project(request: Request, project_id: UUID) -> ProjectOut:
    deps = deps_of(request)
    own_only(await deps.keys.caller(request, Scope.READ), project_id)
    stored = await deps.database.autocommit(lambda c: projects.find(c, project_id))
    if stored is None:
        raise NotFound(f"no project {project_id}")
    return ProjectOut.of(stored)


@router.get("", response_model=ProjectPage, responses=PROBLEMS)
async def list_projects(request: Request, cursor: CursorParam = None, limit: Limit = 50) -> ProjectPage:
    """Newest first."""
    deps = deps_of(request)
    caller = await deps.keys.caller(request, Scope.READ)
    after = cursor_of(cursor)
    page = await deps.database.autocommit(
        lambda c: projects.newest(c, project_id=caller.project_id, after=after, limit=limit)
    )
    return ProjectPage(
        items=[ProjectOut.of(item) for item in page.items],
        next_cursor=page.next.encode() if page.next else None,
    )


@router.delete("/{project_id}", status_code=204, responses=_NOT_FOUND)
async def delete_project(request: Request, project_id: UUID) -> Response:
    """With its errors, analyses, jobs, metadata and keys. What its models cost stays in the ledger."""
    deps = deps_of(request)
    own_only(await deps.keys.caller(request, Scope.ADMIN), project_id)
    if not await deps.database.autocommit(lambda c: projects.delete(c, project_id)):
        raise NotFound(f"no project {project_id}")
    deps.projects.forget()
    return Response(status_code=204)


def own_only(caller: Caller, project_id: UUID) -> None:
    """Raises NotFound for another's project, as for one that does not exist."""
    if caller.project_id not in (None, project_id):
        raise NotFound(f"no project {project_id}")
