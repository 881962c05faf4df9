"""On Lambda, events are taken before FastAPI and the other routes are loaded; nobody sees a difference."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from uuid import UUID

import httpx2
import pytest

from handlers.app import create_app
from handlers.lambda_app import LambdaApp
from handlers.wiring import Deps
from tests.integration.conftest import guide_event
from tests.route_table.rules import RULES


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
    ("method", "path", "is_whole"),
    [
        ("GET", "/api/v1/events", False),
        ("GET", "/api/v1/events/?limit=1", False),
        ("GET", "/api/v1/events/batch", False),
        ("GET", "/api/v1/events?limit=none", False),
        ("GET", f"/api/v1/events/{UUID(int=0)}", False),
        ("GET", f"/api/v1/groups/{UUID(int=0)}", False),
        ("GET", "/api/v1/jobs", False),
        ("POST", f"/api/v1/jobs/{UUID(int=0)}/retry", False),
        ("GET", "/api/v1/usage", False),
        ("GET", "/api/v1/keys", False),
        ("GET", "/api/projects", False),
        ("PUT", "/api/projects/one", False),
        ("GET", "/healthz", False),
        ("GET", "/healthz/", False),
        ("PUT", "/api/v1/events", True),
        ("HEAD", "/api/v1/events", True),
        ("OPTIONS", "/api/v1/events", True),
        ("POST", "/api/v1/events/batches", True),
        ("POST", "/api/v1/events//batch", True),
        ("GET", "/api/v1/eventsx", True),
        ("POST", f"/api/v1/groups/{UUID(int=0)}/analyse", True),
        ("GET", "/api/projects/one/metadata", True),
        ("GET", "/openapi.json", True),
        ("GET", "/docs", True),
        ("GET", "/", True),
    ],
)
async def test_all_else_is_answered_as_by_a_server(
    client: httpx2.AsyncClient, app: LambdaApp, deps: Deps, method: str, path: str, *, is_whole: bool
) -> None:
    headers = {"X-Request-ID": "the-same"}
    here = await client.request(method, path, headers=headers)
    transport = httpx2.ASGITransport(app=create_app(deps), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as server:
        there = await server.request(method, path, headers=headers)
    assert (here.status_code, here.headers, here.content) == (there.status_code, there.headers, there.content)
    assert app.is_whole is is_whole


@pytest.mark.parametrize("path", sorted({rule.path for rule in RULES}))
async def test_each_path_is_of_the_noun_that_has_it_or_of_the_whole(
    client: httpx2.AsyncClient, deps: Deps, path: str
) -> None:
    """Whatever is asked of it, and whether its noun or the whole was loaded before."""
    path = re.sub(r"\{\w+\}", "none", path)
    headers = {"X-Request-ID": "the-same"}
    transport = httpx2.ASGITransport(app=create_app(deps), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as server:
        for method in ("GET", "POST", "DELETE", "PURGE", "GET"):
            here = await client.request(method, path, headers=headers)
            there = await server.request(method, path, headers=headers)
            assert here.status_code == there.status_code, method
            assert here.headers.get("allow") == there.headers.get("allow"), method


async def test_what_is_loaded_at_once_serves_all(client: httpx2.AsyncClient, app: LambdaApp) -> None:
    app.load()
    assert app.is_whole
    assert (await client.get("/healthz")).json() == {"status": "ok"}
