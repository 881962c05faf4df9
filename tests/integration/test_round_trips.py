"""How often we wait for PostgreSQL and for Redis, counted on the wire by a proxy that knows nothing of us."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import Any
from uuid import UUID

import httpx2
import pytest
from pydantic import SecretStr

from core.domain.job import JobKind, JobState
from core.queue.connection import RedisConnection
from core.settings import Auth, Settings
from handlers import wiring
from handlers.app import create_app
from infra.local.postgres import PostgresServer
from infra.local.valkey import ValkeyServer
from tests.faults.proxy import Proxy
from tests.integration.conftest import DEV_TOKEN, Query, guide_event
from worker import wiring as worker_wiring
from worker.usecases.analyse_event import analyse_event

EVENTS = "/api/v1/events"
LATENCY = 0.02
"""Seconds in which whoever does not wait for an answer says the rest."""
REPEATS = 3
PREPARED = 8
"""So often a statement is asked before psycopg has prepared it and PostgreSQL planned it for good."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Turns:
    """Round trips that were waited for."""

    postgres: int
    redis: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Wire:
    postgres: Proxy
    redis: Proxy

    @property
    def turns(self) -> Turns:
        return Turns(postgres=self.postgres.turns, redis=self.redis.turns)

    async def counted(self, work: Callable[[], Awaitable[object]]) -> Turns:
        """The fewest of some runs: a process that was put aside while it spoke is taken to have waited."""
        found = []
        for _ in range(REPEATS):
            before = self.turns
            await work()
            after = self.turns
            found.append((after.postgres - before.postgres, after.redis - before.redis))
        return Turns(postgres=min(turns for turns, _ in found), redis=min(turns for _, turns in found))


@pytest.fixture
def wire(postgres: PostgresServer, valkey: ValkeyServer) -> Iterator[Wire]:
    assert postgres.port is not None
    assert valkey.port is not None
    with Proxy(postgres.port) as to_postgres, Proxy(valkey.port) as to_valkey:
        to_postgres.latency = to_valkey.latency = LATENCY
        yield Wire(postgres=to_postgres, redis=to_valkey)


@pytest.fixture
def by_wire(settings: Settings, wire: Wire) -> Settings:
    return settings.model_copy(
        update={
            "database_url": SecretStr(wire.postgres.routed(settings.database_url.get_secret_value())),
            "redis_url": SecretStr(wire.redis.routed(settings.redis_url.get_secret_value())),
        }
    )


@asynccontextmanager
async def api(settings: Settings, **headers: str) -> AsyncIterator[httpx2.AsyncClient]:
    deps = wiring.build(settings)
    transport = httpx2.ASGITransport(app=create_app(deps), raise_app_exceptions=False)
    try:
        async with httpx2.AsyncClient(
            transport=transport, base_url="http://localhost", headers=headers
        ) as client:
            yield client
    finally:
        await deps.aclose()


def poster(
    client: httpx2.AsyncClient, *, batch: int = 0, is_new: bool, status: int = 500
) -> Callable[[], Awaitable[None]]:
    """Posts an event, or a batch of so many; `is_new`: of a group that there was none of."""
    number = 0

    def event() -> dict[str, Any]:
        nonlocal number
        number += 1
        # Fingerprints leave numbers out.
        name = "".join(chr(ord("a") + int(digit)) for digit in str(number)) if is_new else "pay"
        stack = (
            f'Traceback (most recent call last):\n  File "/srv/a.py", line 1, in {name}\n    g()\nKeyError'
        )
        return guide_event(status_code=status, stack=stack)

    async def post() -> None:
        if batch:
            answer = await client.post(f"{EVENTS}/batch", json={"events": [event() for _ in range(batch)]})
            assert {result["status"] for result in answer.json()["results"]} == {202}
        else:
            answer = await client.post(EVENTS, json=event())
        assert answer.status_code == 202, answer.text

    return post


@pytest.mark.parametrize("batch", [0, 100], ids=["single", "batch"])
async def test_an_event_of_a_new_group_waits_once_for_each(by_wire: Settings, wire: Wire, batch: int) -> None:
    async with api(by_wire) as client:
        post = poster(client, batch=batch, is_new=True)
        await post()
        assert await wire.counted(post) == Turns(postgres=1, redis=1)
        for _ in range(PREPARED):
            await post()
        assert await wire.counted(post) == Turns(postgres=1, redis=1)


@pytest.mark.parametrize("batch", [0, 100], ids=["single", "batch"])
async def test_an_event_of_a_known_group_does_not_wait_for_redis(
    by_wire: Settings, wire: Wire, batch: int
) -> None:
    async with api(by_wire) as client:
        post = poster(client, batch=batch, is_new=False)
        await post()
        assert await wire.counted(post) == Turns(postgres=1, redis=0)


async def test_an_event_without_a_job_does_not_wait_for_redis(by_wire: Settings, wire: Wire) -> None:
    async with api(by_wire) as client:
        post = poster(client, is_new=True, status=404)
        await post()
        assert await wire.counted(post) == Turns(postgres=1, redis=0)


@pytest.mark.parametrize("batch", [0, 100], ids=["single", "batch"])
async def test_a_key_and_its_quotas_cost_two_questions_of_redis_at_most(
    by_wire: Settings, wire: Wire, batch: int
) -> None:
    """The key's bucket and the project's, each asked only when the tokens at hand are spent or too old."""
    async with api(by_wire, Authorization=f"Bearer {DEV_TOKEN}") as admin:
        await poster(admin, is_new=False)()
        made = await admin.post("/api/v1/keys", json={"scope": "ingest", "project_key": "test"})
        assert made.status_code == 201, made.text
    settings = by_wire.model_copy(update={"auth": Auth.REQUIRED})
    async with api(settings, Authorization=f"Bearer {made.json()['key']}") as client:
        post = poster(client, batch=batch, is_new=False)
        await post()
        turns = await wire.counted(post)
        assert turns.postgres == 1
        assert turns.redis <= 2


async def test_a_new_connection_to_redis_says_no_more_than_it_must(by_wire: Settings, wire: Wire) -> None:
    address = by_wire.redis_url.get_secret_value().rpartition("/")[0]

    async def count() -> None:
        connection = RedisConnection(f"{address}/0", timeout=1)
        await connection.ask(lambda: connection.redis.llen("ai_analysis"))
        await connection.aclose()

    # The protocol's greeting, and what is asked.
    assert (await wire.counted(count)).redis == 2


async def test_a_page_waits_once(by_wire: Settings, wire: Wire) -> None:
    async with api(by_wire) as client:
        await poster(client, is_new=False)()
        [event] = (await client.get(EVENTS)).json()["items"]
        pages = (
            EVENTS,
            f"{EVENTS}?project_key=test",
            f"{EVENTS}/{event['id']}",
            "/api/v1/groups",
            f"/api/v1/groups/{event['group_id']}",
            "/api/v1/jobs",
            "/api/v1/jobs?state=failed",
        )
        for page in pages:

            async def read(page: str = page) -> None:
                assert (await client.get(page)).status_code == 200

            await read()
            assert (page, await wire.counted(read)) == (page, Turns(postgres=1, redis=0))


def jobs_worked(settings: Settings, job_ids: list[UUID], turns: Callable[[], Turns]) -> list[Turns]:
    """What each job's life cost, in a process's own objects as a pool's child has them."""
    process = worker_wiring._build(settings)
    counts = [turns()]
    try:
        for job_id in job_ids:
            work = analyse_event(job_id, claimed_by=process.new_claim(), tools=process.analyse)
            assert process.loop.run(work) == JobState.DONE
            counts.append(turns())
    finally:
        for resource in (process.chain, process.publisher, process.database):
            process.loop.run(resource.aclose())
        process.loop.close()
    return [
        Turns(postgres=after.postgres - before.postgres, redis=after.redis - before.redis)
        for before, after in pairwise(counts)
    ]


async def test_a_job_waits_twice(settings: Settings, by_wire: Settings, wire: Wire, query: Query) -> None:
    async with api(settings) as client:
        await poster(client, batch=PREPARED + REPEATS, is_new=True)()
    job_ids = [row["id"] for row in query("SELECT id FROM jobs WHERE kind = %s", JobKind.ANALYSE_GROUP)]
    _, *warm = jobs_worked(by_wire, job_ids, lambda: wire.turns)
    assert min(turns.postgres for turns in warm) == 2
    assert max(turns.redis for turns in warm) == 0
