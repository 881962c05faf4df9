"""The app of a Lambda function: whole, but FastAPI and most routes are loaded when one of them is asked for.

Most requests bring events, which need neither, and what is not loaded costs a start nothing.
"""

from __future__ import annotations

from functools import cached_property

from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from handlers.cold_start import quick_imports
from handlers.direct import path_of
from handlers.ingest import ENDPOINTS
from handlers.startup import surround
from handlers.wiring import Deps


class LambdaApp:
    def __init__(self, deps: Deps) -> None:
        self._deps = deps
        self._ingest = Starlette()
        surround(self._ingest, deps, ENDPOINTS)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self._ingest if _brings_events(scope) else self._whole
        await app(scope, receive, send)

    @property
    def is_whole(self) -> bool:
        """Whether all routes are loaded."""
        return "_whole" in vars(self)

    @cached_property
    def _whole(self) -> ASGIApp:
        with quick_imports():
            # Here, since it is half of a start.
            from handlers.app import create_app  # noqa: PLC0415

            return create_app(self._deps)


def _brings_events(scope: Scope) -> bool:
    return scope["method"] == "POST" and path_of(scope).rstrip("/") in ENDPOINTS
