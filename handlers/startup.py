"""What every way of serving the API begins with, and what stands around its routes."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from starlette.applications import Starlette
from starlette.types import ASGIApp

from core import log, settings
from handlers import cors, exposure, wiring
from handlers.direct import Direct, Endpoint
from handlers.middleware import RequestContext, TimeLimit
from handlers.wiring import Deps


def deps_of_process() -> Deps:
    """As the environment says. Raises ConfigError when that is wrong, or AUTH=off would be open to others."""
    config = settings.load()
    exposure.check_process(config.auth, argv=sys.argv, environ=os.environ)
    log.configure(config.log_format, config.log_level, service="api")
    return wiring.build(config)


def surround(app: Starlette, deps: Deps, endpoints: Mapping[str, Endpoint]) -> None:
    """Give each request its id, headers, time and parts. `endpoints` are reached without the app's router."""
    app.state.deps = deps
    inner = app.build_middleware_stack

    def outer() -> ASGIApp:
        # Around the app's own middleware and not within it, as add_middleware would have it: what brings
        # events needs none of that.
        limited = TimeLimit(Direct(inner(), endpoints=endpoints), seconds=deps.settings.request_timeout)
        shared = cors.allowed(limited, deps.settings.cors_origins)
        return RequestContext(shared, plain_paths=frozenset(endpoints))

    app.build_middleware_stack = outer  # type: ignore[method-assign]
