"""The app of a Lambda function: whole, but loaded by and by, as requests ask for it.

Most requests bring events, which need no FastAPI. Reads need that and their own noun's routes: to load those
of all nouns takes as long again.
"""

from __future__ import annotations

import importlib
from functools import cached_property

from starlette.applications import Starlette
from starlette.routing import Match
from starlette.types import ASGIApp, Receive, Scope, Send

from handlers.cold_start import quick_imports
from handlers.direct import path_of
from handlers.ingest import ENDPOINTS
from handlers.startup import surround
from handlers.wiring import Deps

_NOUNS = {
    "/healthz": "health",
    "/readyz": "health",
    "/metrics": "health",
    "/api/v1/events": "events",
    "/api/v1/groups": "groups",
    "/api/v1/jobs": "jobs",
    "/api/v1/usage": "usage",
    "/api/v1/keys": "keys",
    "/api/projects": "projects",
}
"""Modules of `handlers.routes` by where their paths begin. What no route of theirs takes is for the whole."""


class LambdaApp:
    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._ingest = Starlette()
        surround(self._ingest, deps, ENDPOINTS)
        self._of_nouns: dict[str, Starlette] = {}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._app_for(scope)(scope, receive, send)

    @property
    def is_whole(self) -> bool:
        """Whether all routes are loaded."""
        return "_whole" in vars(self)

    def load(self) -> None:
        """Make it whole now."""
        _ = self._whole

    @cached_property
    def _whole(self) -> ASGIApp:
        with quick_imports():
            # Here, since it is half of a start.
            from handlers.app import create_app  # noqa: PLC0415

            return create_app(self._deps)

    def _app_for(self, scope: Scope) -> ASGIApp:
        path = path_of(scope).rstrip("/")
        if scope["method"] == "POST" and path in ENDPOINTS:
            return self._ingest
        noun = next((name for start, name in _NOUNS.items() if f"{path}/".startswith(f"{start}/")), None)
        if noun is None or self.is_whole:
            return self._whole
        app = self._of_noun(noun)
        asked = {**scope, "path": scope["path"].rstrip("/")}
        # What is refused or redirected is so by the whole, which knows all paths and their methods.
        is_its = any(route.matches(asked)[0] is Match.FULL for route in app.routes)
        return app if is_its else self._whole

    def _of_noun(self, name: str) -> Starlette:
        if name not in self._of_nouns:
            with quick_imports():
                from handlers import factory  # noqa: PLC0415

                router = importlib.import_module(f"handlers.routes.{name}").router
            self._of_nouns[name] = factory.build(self._deps, [router], ENDPOINTS)
        return self._of_nouns[name]
