"""Projects' metadata: asked for, and read."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from fastapi import Request
from fastapi.responses import Response

from core.domain.access import Scope
from core.errors import Conflict, NotFound
from core.operations import metadata as operations
from core.operations.projects import merged
from core.store import metadata
from handlers.project_schemas import GenerationQueued, MetadataExists, MetadataOut
from handlers.responses import InertJSONResponse
from handlers.routes.common import PROBLEMS, problem, request_id_of, router_of
from handlers.routes.projects import own_only
from handlers.wiring import Deps, deps_of

router = router_of("metadata", prefix="/api/projects")

_NOT_FOUND = PROBLEMS | {404: problem()}
_GENERATE: dict[str, Any] = {
    "status_code": 202,
    "response_model": GenerationQueued,
    "responses": _NOT_FOUND | {200: {"model": MetadataExists}, 409: problem("Switched off")},
}


@router.post("/{project_id}/generate_metadata", **_GENERATE)
async def generate_metadata(request: Request, project_id: UUID, force: bool = False) -> Response:
    """Queue the generation. 200: it is there and fits the text; `force` generates it anew all the same."""
    deps = deps_of(request)
    # Costs money: it asks for a key even where AUTH is off.
    own_only(await deps.keys.caller(request, Scope.WRITE), project_id)
    if not deps.settings.enable_sti:
        raise Conflict("metadata generation is switched off: ENABLE_STI=false")
    requested = await operations.request(
        project_id,
        force=force,
        request_id=request_id_of(request),
        database=deps.database,
        sender=deps.publisher,
    )
    if requested.stored is not None:
        shown = await _shown(project_id, deps)
        exists = MetadataExists(status="exists", metadata=shown)
        return InertJSONResponse(exists.model_dump(mode="json"), 200)
    queued = GenerationQueued(job_id=requested.job_id, task_id=str(requested.job_id), status="queued")
    return InertJSONResponse(queued.model_dump(mode="json"), 202)


@router.get("/{project_id}/metadata", response_model=MetadataOut, responses=_NOT_FOUND)
async def get_metadata(request: Request, project_id: UUID) -> MetadataOut:
    """What people wrote, and what was generated where they wrote nothing."""
    deps = deps_of(request)
    own_only(await deps.keys.caller(request, Scope.READ), project_id)
    shown = await _shown(project_id, deps)
    if shown is None:
        raise NotFound(f"project {project_id} has no metadata to show")
    return shown


async def _shown(project_id: UUID, deps: Deps) -> MetadataOut | None:
    async def look(connection: Any) -> metadata.Subject | None:
        return await metadata.read_subject(await metadata.subject_of(connection, project_id))

    subject = await deps.database.autocommit(look)
    if subject is None:
        raise NotFound(f"no project {project_id}")
    shown = merged(subject, show_generated=deps.settings.next_public_show_ai_meta)
    return MetadataOut.model_validate(shown) if shown else None
