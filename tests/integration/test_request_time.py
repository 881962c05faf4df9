"""Every request is answered in time, however silent what it waits for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from uuid import uuid4

import httpx2
import psycopg
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from core.domain.access import hash_key, new_key
from core.settings import Auth, Settings
from handlers import wiring
from handlers.app import create_app
from infra.local.postgres import PostgresServer
from tests.fakes.secrets_and_queues import FakeAws
from tests.faults.proxy import Proxy
from tests.integration.conftest import guide_event

EVENTS = "/api/v1/events"
KEY = new_key()
AUTHORIZATION = {"Authorization": f"Bearer {KEY}"}
LIMIT = 8.0


@pytest.fixture
def proxy(postgres: PostgresServer, database_url: str) -> Iterator[Proxy]:
    with psycopg.connect(database_url, autocommit=True) as direct:
        direct.execute("INSERT INTO projects (id, key) VALUES (%s, 'test')", (uuid4(),))
        direct.execute(
            "INSERT INTO api_keys (id, hash, scope) VALUES (%s, %s, 'admin')", (uuid4(), hash_key(KEY))
        )
    assert postgres.port is not None
    with Proxy(postgres.port) as running:
        yield running
        running.pass_on()


@pytest.fixture
def distant(settings: Settings, proxy: Proxy, postgres: PostgresServer) -> Settings:
    """The API as it is deployed, with PostgreSQL behind the proxy."""
    url = settings.database_url.get_secret_value().replace(f":{postgres.port}/", f":{proxy.port}/")
    return settings.model_copy(
        update={"auth": Auth.REQUIRED, "database_url": SecretStr(url), "request_timeout": LIMIT}
    )


async def clients(settings: Settings) -> AsyncIterator[httpx2.AsyncClient]:
    deps = wiring.build(settings)
    transport = httpx2.ASGITransport(app=create_app(deps), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client
    await deps.aclose()


@pytest.fixture
async def plain(distant: Settings) -> AsyncIterator[httpx2.AsyncClient]:
    async for client in clients(distant):
        yield client


@pytest.fixture
async def buffered(distant: Settings, aws: FakeAws) -> AsyncIterator[httpx2.AsyncClient]:
    async for client in clients(distant.model_copy(update={"event_buffer_url": aws.queue_url("buffer")})):
        yield client


async def timed(client: httpx2.AsyncClient, **changes: object) -> tuple[httpx2.Response, float]:
    began = time.monotonic()
    response = await client.post(EVENTS, json=guide_event(**changes), headers=AUTHORIZATION, timeout=60)
    return response, time.monotonic() - began


def says_when_to_try_again(response: httpx2.Response) -> bool:
    return (
        response.status_code == 503
        and response.headers["content-type"] == "application/problem+json"
        and response.headers["retry-after"] == "5"
        and response.json()["request_id"] == response.headers["x-request-id"]
    )


async def test_a_silent_database(plain: httpx2.AsyncClient, proxy: Proxy) -> None:
    assert (await timed(plain))[0].status_code == 202
    proxy.swallow()
    response, seconds = await timed(plain)
    assert says_when_to_try_again(response)
    assert seconds < LIMIT


async def test_a_silent_database_leaves_the_buffer_its_time(
    buffered: httpx2.AsyncClient, proxy: Proxy, aws: FakeAws
) -> None:
    assert (await timed(buffered))[0].status_code == 202
    proxy.swallow()
    response, seconds = await timed(buffered)
    assert (response.status_code, response.json()["analysis"]) == (202, "deferred")
    assert seconds < LIMIT
    assert len(aws.queues[aws.queue_url("buffer")]) == 1


async def test_a_buffer_leaves_the_database_its_time(distant: Settings, aws: FakeAws) -> None:
    """However short a request's time is: not everything has to wait."""
    buffer = {"request_timeout": 5.0, "event_buffer_url": aws.queue_url("buffer")}
    async for client in clients(distant.model_copy(update=buffer)):
        answers = [await timed(client, message=f"error {number}") for number in range(5)]
    assert "queued" in [response.json()["analysis"] for response, _ in answers]


async def test_a_silent_database_and_a_silent_buffer(
    buffered: httpx2.AsyncClient, proxy: Proxy, aws: FakeAws
) -> None:
    """With a batch, of which no message after the first ten is even tried."""
    assert (await timed(buffered))[0].status_code == 202
    proxy.swallow()
    aws.silent_seconds = 2 * LIMIT
    began = time.monotonic()
    batch = {"events": [guide_event(message=f"error {n}") for n in range(500)]}
    response = await buffered.post(f"{EVENTS}/batch", json=batch, headers=AUTHORIZATION, timeout=60)
    assert says_when_to_try_again(response)
    assert time.monotonic() - began < LIMIT


async def test_a_body_may_take_the_time_of_its_request_at_most(settings: Settings) -> None:
    """As every body that does not come: 408, not 503, by which a client would only try again."""

    async def endless() -> AsyncIterator[bytes]:
        yield b"{"
        await asyncio.sleep(60)

    async for client in clients(settings.model_copy(update={"request_timeout": 2.0, "body_timeout": 30.0})):
        response = await client.post(EVENTS, content=endless())
        assert response.status_code == 408
        assert response.headers["connection"] == "close"
        assert response.json()["detail"] == "body: did not come within 0.5 seconds"


async def test_what_keeps_no_deadline_is_ended(settings: Settings) -> None:
    deps = wiring.build(settings.model_copy(update={"request_timeout": 0.5}))
    app: FastAPI = create_app(deps)
    ended = []

    @app.get("/slow")
    async def slow() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            ended.append(True)

    transport = httpx2.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
        response = await client.get("/slow")
    assert says_when_to_try_again(response)
    assert response.json()["detail"] == "no answer in 0.5 s; try again"
    assert ended == [True]
    await deps.aclose()
