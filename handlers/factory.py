"""The FastAPI app around routes: errors as problems, the document, and what surrounds every request."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI
from fastapi.telemetry import TelemetryConfig

from handlers import error_handlers, openapi
from handlers.direct import Endpoint
from handlers.responses import InertJSONResponse
from handlers.startup import surround
from handlers.wiring import Deps


def build(deps: Deps, routers: Iterable[APIRouter], endpoints: Mapping[str, Endpoint]) -> FastAPI:
    """`endpoints` are reached without the routes."""
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
        # As they are: include_router would make each of them once more, at the first request, and then
        # look for each request's route twice.
        routes=[route for router in routers for route in router.routes],
    )
    app.openapi = lambda: openapi.document(app)  # type: ignore[method-assign]
    error_handlers.install(app)
    surround(app, deps, endpoints)
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
