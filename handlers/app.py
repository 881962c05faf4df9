"""The FastAPI factory, for `handlers.serve` and Lambda, or `uvicorn --factory handlers.app:create_app`."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig

from handlers import error_handlers, openapi
from handlers.direct_routes import endpoints_of
from handlers.responses import InertJSONResponse
from handlers.routes import (
    analyses,
    docs,
    events,
    groups,
    health,
    ingest,
    jobs,
    keys,
    metadata,
    projects,
    usage,
)
from handlers.startup import deps_of_process, surround
from handlers.wiring import Deps


def create_app(deps: Deps | None = None) -> FastAPI:
    """`deps` is for those who bring their own, and know where they serve them.

    Raises ConfigError when the environment is wrong, and where AUTH=off would be open to others.
    """
    app = FastAPI(
        title="Rootnote",
        version="0.1.0",
        description="AI notes on the root cause of your errors and on your projects.",
        lifespan=_lifespan,
        redirect_slashes=False,
        docs_url=None,
        redoc_url=None,
        default_response_class=InertJSONResponse,
        telemetry=_telemetry(os.environ),
    )
    app.openapi = lambda: openapi.document(app)  # type: ignore[method-assign]
    error_handlers.install(app)
    surround(app, deps or deps_of_process(), endpoints_of(ingest.router))
    for routes in (ingest, events, groups, analyses, projects, metadata, jobs, usage, keys, health, docs):
        app.include_router(routes.router)
    return app


def _telemetry(environ: Mapping[str, str]) -> TelemetryConfig | None:
    """FastAPI's own, where its variables are set: else each request asked in vain who listens."""
    if any(name.startswith("OTEL_") for name in environ):
        return None
    return {"tracing": False, "metrics": False, "logs": False}


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    await app.state.deps.aclose()
