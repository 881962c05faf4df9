"""FastAPI's routes to endpoints that are reached without it."""

from __future__ import annotations

import inspect

from fastapi import APIRouter
from fastapi.routing import APIRoute

from handlers.direct import Endpoint


def endpoints_of(router: APIRouter) -> dict[str, Endpoint]:
    """By path. Raises TypeError for a route that is not for POST alone, or needs FastAPI to be called."""
    endpoints: dict[str, Endpoint] = {}
    for route in router.routes:
        if not isinstance(route, APIRoute) or route.methods != {"POST"} or route.dependencies:
            raise TypeError(f"{route} cannot be reached directly")
        if list(inspect.signature(route.endpoint).parameters) != ["request"]:
            raise TypeError(f"{route} asks FastAPI for more than the request")
        endpoints[route.path] = route.endpoint
    return endpoints
