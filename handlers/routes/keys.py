"""API keys, for those who may make them."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from fastapi import Query, Request, Response
from pydantic import AwareDatetime

from core.domain.access import Scope
from core.errors import Forbidden
from core.operations import keys as operations
from core.store import keys
from handlers.bodies import parse, read_body
from handlers.operator_schemas import KeyIn, KeyMade, KeyOut, KeyRotated
from handlers.routes.common import BODY_PROBLEMS, PROBLEMS, body_of, problem, router_of
from handlers.wiring import Deps, deps_of

router = router_of("keys", prefix="/api/v1/keys")

_NOT_FOUND = PROBLEMS | {404: problem()}
_OVERLAP_SECONDS = int(operations.OVERLAP.total_seconds())
_Overlap = Annotated[
    int,
    Query(
        ge=0,
        le=int(operations.LONGEST_OVERLAP.total_seconds()),
        description="the old key ends after this",
    ),
]
_Expiry = Annotated[AwareDatetime | None, Query(description="when the new key ends")]


async def _admin_of_all(request: Request) -> Deps:
    """A key that is bound to one project could otherwise make itself one for all."""
    deps = deps_of(request)
    caller = await deps.keys.caller(request, Scope.ADMIN)
    if caller.project_id is not None:
        raise Forbidden("this needs an admin key for all projects")
    return deps


@router.post(
    "", status_code=201, response_model=KeyMade, responses=BODY_PROBLEMS, openapi_extra=body_of(KeyIn)
)
async def create_key(request: Request) -> KeyMade:
    """The key is in this answer and nowhere else."""
    deps = await _admin_of_all(request)
    wanted = parse(KeyIn, await read_body(request, deps.settings))
    made = await operations.create(
        scope=wanted.scope,
        project_key=wanted.project_key,
        name=wanted.name,
        ingest_rate=wanted.ingest_rate,
        database=deps.database,
        expires_at=wanted.expires_at,
    )
    return KeyMade(id=made.id, key=made.key)


@router.get("", response_model=list[KeyOut], responses=PROBLEMS)
async def list_keys(request: Request) -> list[KeyOut]:
    deps = await _admin_of_all(request)
    found = await deps.database.autocommit(keys.all_keys)
    return [KeyOut.model_validate(key) for key in found]


@router.post(
    "/{key_id}/rotate",
    status_code=201,
    response_model=KeyRotated,
    responses=_NOT_FOUND | {409: problem("Rotated before")},
)
async def rotate_key(
    request: Request,
    key_id: UUID,
    overlap_seconds: _Overlap = _OVERLAP_SECONDS,
    expires_at: _Expiry = None,
) -> KeyRotated:
    """A new key for what the old one is for. Both work until the old one ends, a day later unless said."""
    deps = await _admin_of_all(request)
    rotated = await operations.rotate(
        key_id, overlap=timedelta(seconds=overlap_seconds), expires_at=expires_at, database=deps.database
    )
    deps.keys.forget()
    return KeyRotated(id=rotated.made.id, key=rotated.made.key, old_ends_at=rotated.old_ends_at)


@router.delete("/{key_id}", status_code=204, responses=_NOT_FOUND)
async def revoke_key(request: Request, key_id: UUID) -> Response:
    """It may work for up to KEY_MAX_AGE (30 s) more in other processes that have just seen it."""
    deps = await _admin_of_all(request)
    await operations.revoke(key_id, database=deps.database)
    deps.keys.forget()
    return Response(status_code=204)
