"""Which web pages may call the API: none, unless their origins are listed."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp

_PREFLIGHT_SECONDS = 600


def allowed(app: ASGIApp, origins: Sequence[str]) -> ASGIApp:
    """The app for pages of these origins. No cookies: a page sends a key that it was given, or none."""
    if not origins:
        return app
    return CORSMiddleware(
        app,
        allow_origins=origins,
        allow_methods=("GET", "POST", "PUT", "DELETE"),
        allow_headers=("Authorization", "X-API-Key", "Content-Type", "Idempotency-Key", "X-Request-ID"),
        expose_headers=("X-Request-ID", "Retry-After"),
        max_age=_PREFLIGHT_SECONDS,
    )
