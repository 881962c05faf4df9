"""Events reach their routes without FastAPI's router, and nothing of it is missed."""

from __future__ import annotations

import httpx2
import pytest
from starlette.types import Receive, Scope, Send

from handlers.app import create_app
from handlers.wiring import Deps
from tests.integration.conftest import guide_event


class Seen:
    """The app, with what became of each request's scope."""

    def __init__(self, deps: Deps) -> None:
        self._app = create_app(deps)
        self.scopes: list[Scope] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scopes.append(scope)
        await self._app(scope, receive, send)


@pytest.mark.parametrize("path", ["/api/v1/events", "/api/v1/events/", "/api/v1/events/batch"])
async def test_events_pass_the_router_by(deps: Deps, path: str) -> None:
    body = {"events": [guide_event()]} if path.endswith("batch") else guide_event()
    seen = Seen(deps)
    transport = httpx2.ASGITransport(app=seen)
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
        assert (await client.post(path, json=body)).status_code == 202
        assert (await client.get("/healthz")).status_code == 200
    assert ["endpoint" in scope for scope in seen.scopes] == [False, True]


async def test_telemetry_is_for_who_asks_for_it(deps: Deps, monkeypatch: pytest.MonkeyPatch) -> None:
    assert not create_app(deps)._native_telemetry.enabled()
    assert create_app(deps)._telemetry["tracing"] is False
    monkeypatch.setenv("OTEL_SERVICE_NAME", "rootnote")
    assert create_app(deps)._telemetry["tracing"] is True
