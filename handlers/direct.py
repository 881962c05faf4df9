"""Routes that read their requests by themselves, reached without FastAPI's router and dependencies.

FastAPI still has them: it documents them, and answers what is asked of their paths in any other way. But to
find one among all routes and to inject what it does not ask for costs more than the whole of what is left.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from core.errors import RootnoteError
from handlers.problems import refusal

Endpoint = Callable[[Request], Awaitable[Response]]


class Direct:
    """POST requests to those paths go to their endpoints, all else to the app."""

    def __init__(self, app: ASGIApp, *, endpoints: Mapping[str, Endpoint]) -> None:
        self._app = app
        self._endpoints = endpoints

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        endpoint = None
        if scope["type"] == "http" and scope["method"] == "POST":
            endpoint = self._endpoints.get(path_of(scope))
        if endpoint is None:
            await self._app(scope, receive, send)
            return
        request = _Request(scope, receive, send)
        try:
            response = await endpoint(request)
        except RootnoteError as exc:
            response = refusal(request, exc)
        await response(scope, receive, send)


def path_of(scope: Scope) -> str:
    """As routes know it: without what a server was told that it stands below."""
    path: str = scope["path"]
    return path.removeprefix(scope.get("root_path", ""))


class _Headers(Headers):
    """Found by name; of several with one name the first. Most that a route asks for are not there, and
    Starlette's go through all headers to say so."""

    def __init__(self, scope: Scope) -> None:
        super().__init__(scope=scope)
        self._values = dict(reversed(self._list))

    def get(self, key: str, default: Any = None) -> Any:
        value = self._values.get(key.lower().encode("latin-1"))
        return default if value is None else value.decode("latin-1")


class _Request(Request):
    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        super().__init__(scope, receive, send)
        self._headers = _Headers(scope)
