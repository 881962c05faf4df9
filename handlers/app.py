"""The FastAPI factory, for `handlers.serve` and Lambda, or `uvicorn --factory handlers.app:create_app`."""

from __future__ import annotations

import os
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

from fastapi import FastAPI
from fastapi.telemetry import TelemetryConfig

from core import log, settings
from handlers import cors, direct, docs, exposure, openapi, problems, wiring
from handlers.middleware import RequestContext, TimeLimit
from handlers.responses import InertJSONResponse
from handlers.routes import analyses, events, groups, health, ingest, jobs, keys, metadata, projects, usage


def create_app(deps: wiring.Deps | None = None) -> FastAPI:
    """`deps` is for those who bring their own, and know where they serve them.

    Raises ConfigError when the environment is wrong, and where AUTH=off would be open to others.
    """
    if deps is None:
        config = settings.load()
        exposure.check_process(config.auth, argv=sys.argv, environ=os.environ)
        log.configure(config.log_format, config.log_level, service="api")
        deps = wiring.build(config)
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
    app.state.deps = deps
    app.openapi = lambda: openapi.document(app)  # type: ignore[method-assign]
    problems.install(app)
    endpoints = direct.endpoints_of(ingest.router)
    # The last one added is the outermost.
    app.add_middleware(direct.Direct, endpoints=endpoints)
    app.add_middleware(TimeLimit, seconds=deps.settings.request_timeout)
    cors.allow(app, deps.settings.cors_origins)
    app.add_middleware(RequestContext, plain_paths=frozenset(endpoints))
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
