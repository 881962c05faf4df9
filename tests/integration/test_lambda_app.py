"""On Lambda, events are taken before FastAPI and the other routes are loaded; nobody sees a difference."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx2
import pytest

from handlers.app import create_app
from handlers.lambda_app import LambdaApp
from handlers.wiring import Deps
from tests.integration.conftest import guide_event


@pytest.fixture
def app(deps: Deps) -> LambdaApp:
    return LambdaApp(deps)


@pytest.fixture
async def client(app: LambdaApp) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client


@pytest.mark.parametrize("path", ["/api/v1/events", "/api/v1/events/", "/api/v1/events/batch"])
async def test_events_are_taken_at_once(client: httpx2.AsyncClient, app: LambdaApp, path: str) -> None:
    body = {"events": [guide_event()]} if path.endswith("batch") else guide_event()
    taken = await client.post(path, json=body)
    refused = await client.post(path, json={})
    assert (taken.status_code, refused.status_code) == (202, 422)
    assert {"x-request-id", "content-security-policy"} <= set(taken.headers)
    assert not app.is_whole


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/v1/events"),
        ("PUT", "/api/v1/events"),
        ("OPTIONS", "/api/v1/events"),
        ("POST", "/api/v1/events/batches"),
        ("POST", "/api/v1/events//batch"),
        ("GET", "/openapi.json"),
        ("GET", "/healthz"),
    ],
)
async def test_all_else_is_answered_as_by_a_server(
    client: httpx2.AsyncClient, app: LambdaApp, deps: Deps, method: str, path: str
) -> None:
    headers = {"X-Request-ID": "the-same"}
    here = await client.request(method, path, headers=headers)
    transport = httpx2.ASGITransport(app=create_app(deps), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as server:
        there = await server.request(method, path, headers=headers)
    assert (here.status_code, here.headers, here.content) == (there.status_code, there.headers, there.content)
    assert app.is_whole
