"""What browsers are told with every answer, and which web pages may call."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest

from core.settings import Settings
from handlers import wiring
from handlers.app import create_app
from tests.integration.conftest import DEV_TOKEN, guide_event
from tests.integration.test_no_leaks import BUG, broken

EVENTS = "/api/v1/events"
APP = "https://app.example.com"
ALWAYS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


def check(response: httpx2.Response, status: int) -> None:
    assert response.status_code == status, response.text
    for name, value in ALWAYS.items():
        assert response.headers.get_list(name) == [value]
    [policy] = response.headers.get_list("content-security-policy")
    for part in ("default-src 'none'", "frame-ancestors 'none'", "base-uri 'none'", "form-action 'none'"):
        assert part in policy.split("; ")
    assert "geolocation=()" in response.headers["permissions-policy"]
    assert "server" not in response.headers
    assert not any(name.startswith("access-control") for name in response.headers)


async def test_every_kind_of_answer_has_them(client: httpx2.AsyncClient) -> None:
    check(await client.get("/healthz"), 200)
    check(await client.head("/healthz"), 405)
    check(await client.options(EVENTS, headers={"Origin": "http://localhost"}), 405)
    check(await client.get("/nowhere"), 404)
    check(await client.get(EVENTS, headers={"Authorization": "Bearer wrong"}), 401)
    check(await client.get(EVENTS, headers={"Origin": APP}), 403)
    check(await client.get(f"{EVENTS}?limit=0"), 422)
    check(await client.post(EVENTS, content=b"no"), 400)
    check(await client.post(EVENTS, content=b" " * 1_048_577), 413)
    check(await client.post(EVENTS, json=guide_event()), 202)
    check(await client.get("/metrics"), 200)
    check(await client.get("/openapi.json"), 200)
    check(await client.get("/readyz"), 503)


async def test_even_where_something_breaks(deps: wiring.Deps) -> None:
    transport = httpx2.ASGITransport(app=create_app(broken(BUG)(deps)), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
        check(await client.get(EVENTS), 500)


@pytest.mark.parametrize("url", ["https://localhost", "http://localhost"])
async def test_https_is_asked_for_again_where_it_was(deps: wiring.Deps, url: str) -> None:
    transport = httpx2.ASGITransport(app=create_app(deps))
    async with httpx2.AsyncClient(transport=transport, base_url=url) as client:
        headers = (await client.get("/nowhere")).headers
        assert headers.get("strict-transport-security") == (
            "max-age=63072000" if url.startswith("https") else None
        )


async def test_the_docs_run_what_is_pinned_and_nothing_else(client: httpx2.AsyncClient) -> None:
    for path in ("/docs", "/docs/"):
        response = await client.get(path)
        check(response, 200)
    policy = dict(part.split(" ", 1) for part in response.headers["content-security-policy"].split("; "))
    tags = re.findall(r"<(?:script|link)[^>]*>", response.text)
    foreign = [tag for tag in tags if "https:" in tag]
    assert len(foreign) == 2
    for tag in foreign:
        assert re.search(r'integrity="sha384-[A-Za-z0-9+/]{64}" crossorigin="anonymous"', tag)
    [script] = re.findall(r'<script src="([^"]+)"', response.text)
    [style] = re.findall(r'<link rel="stylesheet" href="([^"]+)"', response.text)
    [inline] = re.findall(r"<script>(.*?)</script>", response.text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
    assert policy["script-src"].split() == [script, f"'sha256-{digest}'"]
    assert (policy["style-src"], policy["connect-src"]) == (style, "'self'")
    assert re.search(r"@\d+\.\d+\.\d+/", script)
    assert "unsafe" not in response.headers["content-security-policy"]


@asynccontextmanager
async def listing(settings: Settings, *origins: str) -> AsyncIterator[httpx2.AsyncClient]:
    deps = wiring.build(settings.model_copy(update={"cors_origins": origins}))
    transport = httpx2.ASGITransport(app=create_app(deps))
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client
    await deps.aclose()


def preflight(origin: str) -> dict[str, str]:
    return {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }


async def test_a_listed_page_may_call_with_a_key(settings: Settings) -> None:
    async with listing(settings, APP, "https://other.example.com") as client:
        allowed = await client.options(EVENTS, headers=preflight(APP))
        assert allowed.status_code == 200
        assert allowed.headers["access-control-allow-origin"] == APP
        assert "access-control-allow-credentials" not in allowed.headers
        assert allowed.headers["x-content-type-options"] == "nosniff"
        headers = {"Origin": APP, "Authorization": f"Bearer {DEV_TOKEN}"}
        answer = await client.get(EVENTS, headers=headers)
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, APP)
        assert "Origin" in answer.headers["vary"]
        refused = await client.get(EVENTS, headers=headers | {"Authorization": "Bearer wrong"})
        assert (refused.status_code, refused.headers["access-control-allow-origin"]) == (401, APP)


@pytest.mark.parametrize(
    "origin", ["https://evil.example.com", "null", "https://app.example.com.evil.example", f"{APP}:8443", "*"]
)
async def test_a_page_that_is_not_listed_may_not(settings: Settings, origin: str) -> None:
    async with listing(settings, APP) as client:
        refused = await client.options(EVENTS, headers=preflight(origin))
        assert refused.status_code == 400
        assert "access-control-allow-origin" not in refused.headers
        headers = {"Origin": origin, "Authorization": f"Bearer {DEV_TOKEN}"}
        assert "access-control-allow-origin" not in (await client.get(EVENTS, headers=headers)).headers


async def test_with_auth_off_a_listed_page_needs_the_token(settings: Settings) -> None:
    async with listing(settings, APP) as client:
        assert (await client.get(EVENTS, headers={"Origin": APP})).status_code == 403
