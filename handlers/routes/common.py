"""What several routes ask of a request."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel

from core.domain.access import Caller
from core.domain.page import Cursor, decode_cursor
from core.operations.project_key import ProjectKey
from handlers.openapi import PROBLEM_SCHEMA
from handlers.responses import InertJSONResponse
from handlers.wiring import Deps

Limit = Annotated[int, Query(ge=1, le=200, description="items a page")]
CursorParam = Annotated[str | None, Query(description="`next_cursor` of the page before", max_length=100)]
ProjectParam = Annotated[ProjectKey | None, Query(description="only this project")]


def router_of(*tags: str, prefix: str = "") -> APIRouter:
    """For one noun's routes, which the app takes as they are."""
    return APIRouter(prefix=prefix, tags=list(tags), default_response_class=InertJSONResponse)


def problem(text: str = "") -> dict[str, Any]:
    """How /docs says that a route answers with a problem. A `model` would be built anew for each status
    of each route, which took a tenth of the API's cold start."""
    content = {"application/problem+json": {"schema": PROBLEM_SCHEMA}}
    return {"description": text, "content": content} if text else {"content": content}


PROBLEMS: dict[int | str, dict[str, Any]] = {
    status: problem(text)
    for status, text in {
        401: "No valid key",
        403: "Not with this key",
        422: "A field is wrong; `errors` names it",
        503: "PostgreSQL does not answer; try again after Retry-After",
    }.items()
}


def request_id_of(request: Request) -> str:
    return str(request.scope["state"]["request_id"])


def cursor_of(text: str | None) -> Cursor | None:
    return decode_cursor(text) if text else None


async def project_filter(deps: Deps, caller: Caller, key: str | None) -> UUID | None:
    """The project to show: the one asked for, else the key's own, else (None) all."""
    if key is None:
        return caller.project_id
    return await deps.projects.resolve_existing(key, caller)


def body_of(model: type[BaseModel]) -> dict[str, Any]:
    """The body's schema for /docs: these routes read their body themselves, once and within a limit."""
    schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


BODY_PROBLEMS: dict[int | str, dict[str, Any]] = PROBLEMS | {
    400: problem("The body is not JSON, or not what Content-Encoding says"),
    408: problem("The body did not come in time"),
    413: problem("The body is over the limit"),
    415: problem("Content-Encoding is neither gzip nor deflate; Accept-Encoding says so"),
}

IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": False,
    "description": "makes sending it again harmless",
    "schema": {"type": "string", "minLength": 1, "maxLength": 200},
}
