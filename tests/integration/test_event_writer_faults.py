"""Whoever is told that an event is stored can rely on it, whatever breaks beneath a shared write."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest

from core import deadline
from core.errors import StoreUnavailable
from core.operations.event_writer import EventWriter, Written
from core.queue.publisher import Publisher
from core.store.database import Database
from core.store.ingest import NewEvent
from infra.local.postgres import PostgresServer
from infra.local.valkey import ValkeyServer
from tests.conftest import migrate
from tests.faults.proxy import Cut, Proxy
from tests.integration.conftest import Query
from tests.integration.writing import add_project, new_event

NOWHERE = "redis://127.0.0.1:9/0"


@pytest.fixture
def far_redis(valkey: ValkeyServer) -> Iterator[Proxy]:
    assert valkey.port is not None
    with Proxy(valkey.port) as proxy:
        yield proxy
        proxy.pass_on()


@pytest.fixture
def far_postgres(postgres: PostgresServer) -> Iterator[Proxy]:
    assert postgres.port is not None
    with Proxy(postgres.port) as proxy:
        yield proxy
        proxy.pass_on()


async def writing(
    database_url: str, redis_url: str, *, redis_timeout: float = 1
) -> AsyncIterator[EventWriter]:
    database = Database(database_url, pool_size=4, timeout=5)
    publisher = Publisher(redis_url, timeout=redis_timeout)
    writer = EventWriter(database, publisher)
    yield writer
    await writer.aclose()
    await publisher.aclose()
    await database.aclose()


async def stored(writer: EventWriter, event: NewEvent) -> bool:
    """Whether it was answered so; there is no other answer than that PostgreSQL is away."""
    try:
        return bool(await writer.write([event], request_id="r"))
    except StoreUnavailable:
        return False


async def test_without_redis_all_is_stored_and_left_to_the_sweeper(database_url: str, query: Query) -> None:
    add_project(database_url)
    async for writer in writing(database_url, NOWHERE):
        events = [new_event() for _ in range(20)]
        answers = await asyncio.gather(*(writer.write([event], request_id="r") for event in events))
        assert [answer.deferred_job_ids for answer in answers] == [{event.job_id} for event in events]
        # Who makes no job waits for no message.
        known = await writer.write([new_event(events[0].group_id)], request_id="r")
        assert known.deferred_job_ids == frozenset()
    assert query("SELECT count(*) AS jobs FROM jobs WHERE sent_at IS NULL") == [{"jobs": 20}]


async def test_a_silent_redis_holds_up_nobody_who_makes_no_job(
    database_url: str, redis_url: str, far_redis: Proxy
) -> None:
    add_project(database_url)
    async for writer in writing(database_url, far_redis.routed(redis_url), redis_timeout=3):
        await writer.write([new_event()], request_id="r")
        far_redis.swallow()
        held = asyncio.create_task(writer.write([new_event()], request_id="held"))
        beside = writer.write([new_event(status_code=404, job_id=None)], request_id="beside")
        assert isinstance(await beside, Written)
        after = writer.write([new_event(status_code=404, job_id=None)], request_id="after")
        assert isinstance(await after, Written)
        assert not held.done()
        assert len((await held).deferred_job_ids) == 1


async def test_time_that_is_up_during_a_push_is_no_failure(
    database_url: str, redis_url: str, far_redis: Proxy
) -> None:
    add_project(database_url)
    async for writer in writing(database_url, far_redis.routed(redis_url), redis_timeout=8):
        await writer.write([new_event()], request_id="r")
        far_redis.swallow()
        event = new_event()
        with deadline.within(3):
            answer = await writer.write([event], request_id="hurried")
        assert answer.deferred_job_ids == {event.job_id}
        far_redis.pass_on()


@pytest.mark.parametrize("is_said_by_client", [True, False])
async def test_a_commit_that_is_cut_off_is_made_again(
    database_url: str, redis_url: str, far_postgres: Proxy, query: Query, *, is_said_by_client: bool
) -> None:
    """On its way there, or its answer on the way back: then all was stored, and is stored once."""
    add_project(database_url)
    async for writer in writing(far_postgres.routed(database_url), redis_url):
        assert await stored(writer, new_event())
        marker = b"COMMIT" if is_said_by_client else b"COMMIT\0"
        far_postgres.cut = cut = Cut(marker=marker, is_said_by_client=is_said_by_client, times=1)
        events = [new_event() for _ in range(30)]
        answers = await asyncio.gather(*(stored(writer, event) for event in events))
        assert (cut.done, all(answers)) == (1, True)
    assert query("SELECT count(*) AS events FROM error_events") == [{"events": 31}]
    assert query("SELECT count(*) AS jobs FROM jobs") == [{"jobs": 31}]


async def test_nothing_is_answered_as_stored_that_a_killed_postgres_lost(
    tmp_path: Path, redis_url: str
) -> None:
    with PostgresServer(tmp_path / "data") as server:
        url = server.create_database("killed")
        migrate(url)
        add_project(url)
        answered: list[NewEvent] = []
        async for writer in writing(url, redis_url):
            clients = [asyncio.create_task(sending(writer, answered)) for _ in range(20)]
            await more(answered)
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(server.stop)
            await asyncio.to_thread(server.start)
            await more(answered)
            for client in clients:
                client.cancel()
            await asyncio.gather(*clients, return_exceptions=True)
        with psycopg.connect(url) as direct:
            found = direct.execute(
                "SELECT count(*) FROM error_events WHERE id = ANY(%s)", ([event.id for event in answered],)
            ).fetchone()
        assert found == (len(answered),)


async def sending(writer: EventWriter, answered: list[NewEvent]) -> None:
    for _ in range(100_000):
        event = new_event()
        if await stored(writer, event):
            answered.append(event)
        else:
            await asyncio.sleep(0.05)


async def more(answered: list[NewEvent]) -> None:
    """Returns when so many more are answered."""
    enough = len(answered) + 100
    for _ in range(3_000):
        if len(answered) >= enough:
            return
        await asyncio.sleep(0.01)
    pytest.fail("nothing is stored any more")
