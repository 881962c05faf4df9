"""Liveness, readiness and metrics."""

from __future__ import annotations

import time
from typing import Any

from fastapi import Request
from fastapi.responses import JSONResponse, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from core.errors import QueueUnavailable, RootnoteError, StoreUnavailable
from core.store import health
from handlers.read_schemas import Ready
from handlers.routes.common import router_of
from handlers.wiring import Deps, deps_of

router = router_of("health")

_READY = {"application/json": {"schema": {"$ref": "#/components/schemas/Ready"}}}
_MISSED_TICKS = 6
"""So many sweep intervals without a sign of life, and a part counts as down."""


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process answers. No I/O: a database that is down must not get the API restarted."""
    return {"status": "ok"}


@router.get(
    "/readyz",
    response_model=Ready,
    responses={503: {"description": "A part is down; the body says which", "content": _READY}},
)
async def readyz(request: Request) -> Response:
    """PostgreSQL, its migrations, Redis, the sweeper, a worker that takes jobs, and beat's last tick."""
    deps = deps_of(request)
    checks = await _store_checks(deps) | await _queue_checks(deps)
    ready = all(check["ok"] for check in checks.values())
    return JSONResponse({"status": "ok" if ready else "unready", "checks": checks}, 200 if ready else 503)


async def _store_checks(deps: Deps) -> dict[str, dict[str, Any]]:
    try:
        found = await deps.database.autocommit(health.look)
    except StoreUnavailable as exc:
        down = _down(exc)
        return {"postgres": down, "migrations": down, "sweeper": down, "worker": down}
    return {
        "postgres": {"ok": True} if found.is_writable else {"ok": False, "error": "it is read-only"},
        "migrations": {"ok": found.has_schema, "at": found.revision, "head": health.HEAD},
        "sweeper": _sign_of_life(found.sweeper_age, deps),
        "worker": _sign_of_life(found.worker_age, deps),
    }


async def _queue_checks(deps: Deps) -> dict[str, dict[str, Any]]:
    try:
        tick = await deps.publisher.last_tick()
    except QueueUnavailable as exc:
        down = _down(exc)
        return {"redis": down, "beat": down}
    age = None if tick is None else time.time() - tick
    return {"redis": {"ok": True}, "beat": _sign_of_life(age, deps)}


def _sign_of_life(age: float | None, deps: Deps) -> dict[str, Any]:
    limit = deps.settings.sweep_interval * _MISSED_TICKS
    return {"ok": age is not None and age <= limit, "seconds_ago": None if age is None else round(age, 1)}


def _down(exc: RootnoteError) -> dict[str, Any]:
    return {"ok": False, "error": str(exc)}


@router.get("/metrics", include_in_schema=False)
async def prometheus() -> Response:
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
