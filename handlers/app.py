"""The FastAPI factory: `uvicorn --factory handlers.app:create_app`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from core import log, settings
from handlers import openapi, problems, wiring
from handlers.middleware import RequestContext, TimeLimit
from handlers.routes import analyses, events, groups, health, jobs, keys, metadata, projects, usage


def create_app(deps: wiring.Deps | None = None) -> FastAPI:
    """Raises ConfigError when the environment is wrong. `deps` is for those who bring their own."""
    if deps is None:
        config = settings.load()
        log.configure(config.log_format, config.log_level, service="api")
        deps = wiring.build(config)
    app = FastAPI(
        title="Rootnote",
        version="0.1.0",
        description="AI notes on the root cause of your errors and on your projects.",
        lifespan=_lifespan,
        redirect_slashes=False,
        redoc_url=None,
    )
    app.state.deps = deps
    app.openapi = lambda: openapi.document(app)  # type: ignore[method-assign]
    problems.install(app)
    # The last one added is the outermost.
    app.add_middleware(TimeLimit, seconds=deps.settings.request_timeout)
    app.add_middleware(RequestContext)
    for routes in (events, groups, analyses, projects, metadata, jobs, usage, keys, health):
        app.include_router(routes.router)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    yield
    await app.state.deps.aclose()
