"""What every way of serving the API begins with, and what stands around its routes."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from starlette.applications import Starlette

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
    # The last one added is the outermost.
    app.add_middleware(Direct, endpoints=endpoints)
    app.add_middleware(TimeLimit, seconds=deps.settings.request_timeout)
    cors.allow(app, deps.settings.cors_origins)
    app.add_middleware(RequestContext, plain_paths=frozenset(endpoints))
