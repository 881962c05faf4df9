"""The whole API, for `handlers.serve` and Lambda, or `uvicorn --factory handlers.app:create_app`."""

from __future__ import annotations

from fastapi import FastAPI

from handlers import factory
from handlers.direct_routes import endpoints_of
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
from handlers.startup import deps_of_process
from handlers.wiring import Deps

_NOUNS = (ingest, events, groups, analyses, projects, metadata, jobs, usage, keys, health, docs)


def create_app(deps: Deps | None = None) -> FastAPI:
    """`deps` is for those who bring their own, and know where they serve them.

    Raises ConfigError when the environment is wrong, and where AUTH=off would be open to others.
    """
    routers = [noun.router for noun in _NOUNS]
    return factory.build(deps or deps_of_process(), routers, endpoints_of(ingest.router))
