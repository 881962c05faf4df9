"""What surrounds every request: an id, a log line, headers, an end, and an answer whatever breaks."""

from __future__ import annotations

import logging
import re
import time
from urllib.parse import quote

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from core import deadline
from core.domain.ids import new_request_id
from core.domain.scrub import scrub_text
from core.errors import TimeUp
from core.log import bound
from core.log_plain import log_plain
from handlers.problems import internal_error, refusal
from handlers.response_headers import headers_for

logger = logging.getLogger(__name__)

_SANE_ID = re.compile(r"[A-Za-z0-9._:-]{1,64}")
_LOGGED_PATH = 500
_TO_END_SECONDS = 1.5
"""Between the deadline that steps keep and the end that is forced: cancelling a statement takes a second."""
_QUIET = frozenset({"/healthz", "/readyz", "/metrics"})


class RequestContext:
    """Gives the request its id (the client's own X-Request-ID where it is sane) and logs one line.

    `plain_paths` are logged as they are: they hold no secret and nothing that drives a terminal.
    """

    def __init__(self, app: ASGIApp, *, plain_paths: frozenset[str]) -> None:
        self._app = app
        self._plain_paths = plain_paths

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        scope = _without_final_slash(scope)
        request_id = _request_id(scope)
        scope.setdefault("state", {})["request_id"] = request_id
        added = ((b"x-request-id", request_id.encode()), *headers_for(scope))
        started, status = time.perf_counter(), 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", []), *added]
            await send(message)

        with bound(request_id=request_id):
            try:
                await self._app(scope, receive, send_with_headers)
            except Exception:
                logger.exception("unexpected error")
                if not status:
                    await internal_error(request_id)(scope, receive, send_with_headers)
            level = logging.DEBUG if scope["path"] in _QUIET else logging.INFO
            if logger.isEnabledFor(level):
                path = self._logged_path(scope["path"])
                _log(level, scope["method"], path, status, seconds=time.perf_counter() - started)

    def _logged_path(self, path: str) -> str:
        """Quoted, since a path may hold line breaks and terminal codes; scrubbed, since it may hold a key."""
        if path in self._plain_paths:
            return path
        return quote(scrub_text(path[:_LOGGED_PATH]), safe="/[]")


class TimeLimit:
    """Answers every request in `seconds`, whatever it waits for.

    The steps below keep a deadline of their own and say which of them was too slow; what keeps none is
    cancelled here.
    """

    def __init__(self, app: ASGIApp, *, seconds: float) -> None:
        self._app = app
        self._seconds = seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_answered = False

        async def send_and_note(message: Message) -> None:
            nonlocal is_answered
            is_answered = True
            await send(message)

        try:
            with deadline.within(self._seconds - _TO_END_SECONDS), deadline.Timeout(self._seconds) as limit:
                await self._app(scope, receive, send_and_note)
        except TimeoutError:
            if is_answered or not limit.is_over:
                raise
            answer = refusal(Request(scope), TimeUp(f"no answer in {self._seconds:g} s; try again"))
            await answer(scope, receive, send)


def _log(level: int, method: str, path: str, status: int, *, seconds: float) -> None:
    log_plain(logger, level, _PLACE, f"{method} {path} {status}", {"ms": round(seconds * 1_000, 1)})


_PLACE = (__file__, _log.__name__, _log.__code__.co_firstlineno)


def _without_final_slash(scope: Scope) -> Scope:
    """Every route answers with and without it; a redirect would lose what a stage or proxy put before."""
    path = scope["path"]
    return {**scope, "path": path.rstrip("/")} if len(path) > 1 and path.endswith("/") else scope


def _request_id(scope: Scope) -> str:
    for name, value in scope["headers"]:
        if name == b"x-request-id" and _SANE_ID.fullmatch(text := value.decode("latin-1")):
            # It is logged, stored and sent to providers: not with a key in it.
            return text if scrub_text(text) == text else new_request_id()
    return new_request_id()
