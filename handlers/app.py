"""The FastAPI factory, for `handlers.serve` and Lambda, or `uvicorn --factory handlers.app:create_app`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

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
    )
    app.openapi = lambda: openapi.document(app)  # type: ignore[method-assign]
    error_handlers.install(app)
    surround(app, deps or deps_of_process(), endpoints_of(ingest.router))
    for routes in (ingest, events, groups, analyses, projects, metadata, jobs, usage, keys, health, docs):
        app.include_router(routes.router)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    await app.state.deps.aclose()
