"""API keys, for those who may make them."""

from __future__ import annotations

from uuid import UUID

from fastapi import APIRouter, Request, Response

from core.domain.access import Scope
from core.errors import Forbidden
from core.operations import keys as operations
from core.store import keys
from handlers.bodies import parse, read_body
from handlers.operator_schemas import KeyIn, KeyMade, KeyOut
from handlers.routes.common import BODY_PROBLEMS, PROBLEMS, body_of, problem
from handlers.wiring import Deps, deps_of

router = APIRouter(prefix="/api/v1/keys", tags=["keys"])


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
        scope=wanted.scope, project_key=wanted.project_key, name=wanted.name, database=deps.database
    )
    return KeyMade(id=made.id, key=made.key)


@router.get("", response_model=list[KeyOut], responses=PROBLEMS)
async def list_keys(request: Request) -> list[KeyOut]:
    deps = await _admin_of_all(request)
    found = await deps.database.autocommit(keys.all_keys)
    return [KeyOut.model_validate(key) for key in found]


@router.delete("/{key_id}", status_code=204, responses=PROBLEMS | {404: problem()})
async def revoke_key(request: Request, key_id: UUID) -> Response:
    """It may work for up to 30 seconds more in processes that have just seen it."""
    deps = await _admin_of_all(request)
    await operations.revoke(key_id, database=deps.database)
    return Response(status_code=204)
