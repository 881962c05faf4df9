"""Requests that arrive together share a transaction, and each is answered as if it had come alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from uuid import UUID, uuid4

import pytest
import redis
from psycopg.errors import DataError

from core import deadline
from core.errors import NotFound, StoreUnavailable
from core.operations.event_writer import MOST_BYTES, MOST_ROWS, EventWriter, Written
from core.queue.names import AI_ANALYSIS
from core.queue.publisher import Publisher
from core.store.database import Connection, Database
from core.store.ingest import NewEvent
from tests.integration.conftest import Query
from tests.integration.test_cleanup import ANALYSE
from tests.integration.writing import PROJECT, add_project, locked_group, never_stored, new_event

SOON = 30.0
"""Seconds; longer than any of this takes on a busy machine."""


@pytest.fixture
async def writer(database: Database, database_url: str, redis_url: str) -> AsyncIterator[EventWriter]:
    add_project(database_url)
    publisher = Publisher(redis_url, timeout=1)
    writer = EventWriter(database, publisher)
    yield writer
    await writer.aclose()
    await publisher.aclose()


@pytest.fixture
def pushes(redis_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(redis_url) as client:
        client.config_resetstat()
        yield client


def times_pushed(client: redis.Redis) -> int:
    return int(client.info("commandstats").get("cmdstat_lpush", {}).get("calls", 0))


async def together(writer: EventWriter, *requests: list[NewEvent]) -> list[Written | BaseException]:
    """Answers in order; an error is an answer, too."""
    async with asyncio.timeout(SOON):
        return await asyncio.gather(
            *(writer.write(events, request_id=f"request-{n}") for n, events in enumerate(requests)),
            return_exceptions=True,
        )


def transactions(query: Query) -> int:
    return int(query("SELECT count(DISTINCT xmin::text) AS count FROM error_events")[0]["count"])


async def test_two_hundred_at_once(writer: EventWriter, query: Query, pushes: redis.Redis) -> None:
    requests = [[new_event(event_key=f"key-{n}")] for n in range(200)]
    answers = await together(writer, *requests)
    assert [answer.events for answer in answers if isinstance(answer, Written)] == [[None]] * 200
    assert len(query("SELECT 1 FROM error_events")) == 200
    assert transactions(query) < 10
    assert times_pushed(pushes) < 10
    assert pushes.llen(AI_ANALYSIS) == 200


async def test_a_write_has_a_size(writer: EventWriter, query: Query) -> None:
    group = uuid4()
    await together(writer, *([new_event(group) for _ in range(MOST_ROWS // 2)] for _ in range(5)))
    assert transactions(query) == 3


async def test_a_write_has_a_size_in_bytes(writer: EventWriter, query: Query) -> None:
    group = uuid4()
    long = {"message": "m" * (MOST_BYTES // 2)}
    await together(writer, *([new_event(group, payload=long)] for _ in range(3)))
    assert transactions(query) == 3


async def test_requests_are_not_split(writer: EventWriter, query: Query) -> None:
    group = uuid4()
    await together(writer, [new_event(group)], [new_event(group) for _ in range(MOST_ROWS + 1)])
    assert transactions(query) == 2


async def test_each_job_names_the_request_that_made_it(writer: EventWriter, query: Query) -> None:
    shared = uuid4()
    requests = [[new_event(), new_event(shared)] for _ in range(5)]
    await together(writer, *requests)
    named = {row["id"]: row["request_id"] for row in query("SELECT id, request_id FROM jobs")}
    assert [named[events[0].job_id] for events in requests] == [f"request-{n}" for n in range(5)]
    assert named[requests[0][1].job_id] == "request-0"
    assert transactions(query) == 1


async def test_a_group_that_is_new_to_several_is_one_job_and_one_message(
    writer: EventWriter, query: Query, pushes: redis.Redis
) -> None:
    group = uuid4()
    await together(writer, *([new_event(group)] for _ in range(20)))
    assert len(query("SELECT 1 FROM error_events")) == 20
    assert len(query("SELECT 1 FROM jobs")) == 1
    assert pushes.llen(AI_ANALYSIS) == 1


async def test_of_one_event_that_is_sent_twice_the_first_is_new(writer: EventWriter, query: Query) -> None:
    id_ = uuid4()
    first = new_event(id=id_, event_key="k", status_code=500)
    second = new_event(id=id_, event_key="k", status_code=404)
    new, again = await together(writer, [first], [second])
    assert isinstance(new, Written)
    assert isinstance(again, Written)
    assert list(new.events) == [None]
    [event] = again.events
    assert event is not None
    assert (event.is_new, event.group_id, event.status_code) == (False, first.group_id, 500)
    assert transactions(query) == 1
    assert len(query("SELECT 1 FROM error_groups")) == 1


async def test_an_event_of_an_analysed_group_is_answered_so(writer: EventWriter, query: Query) -> None:
    group = uuid4()
    await writer.write([new_event(group)], request_id="r")
    query(ANALYSE)
    answers = await together(writer, [new_event(group)], [new_event()], [new_event(group, status_code=404)])
    analysed = [
        [event and event.is_analysed for event in answer.events]
        for answer in answers
        if isinstance(answer, Written)
    ]
    assert analysed == [[True], [None], [None]]
    assert len(query("SELECT 1 FROM error_analysis WHERE reused_from IS NOT NULL")) == 1


async def test_what_cannot_be_stored_fails_alone(writer: EventWriter, query: Query) -> None:
    requests = [[new_event()] for _ in range(30)]
    requests[7] = [new_event(), never_stored()]
    requests[20] = [never_stored()]
    answers = await together(writer, *requests)
    assert [n for n, answer in enumerate(answers) if isinstance(answer, DataError)] == [7, 20]
    assert sum(isinstance(answer, Written) for answer in answers) == 28
    assert len(query("SELECT 1 FROM error_events")) == 28
    assert answers[7] is not answers[20]


async def test_a_project_that_is_gone_fails_alone(writer: EventWriter, query: Query) -> None:
    answers = await together(writer, *([new_event(project_id=id_)] for id_ in (PROJECT, uuid4(), PROJECT)))
    assert [type(answer) for answer in answers] == [Written, NotFound, Written]
    assert len(query("SELECT 1 FROM error_events")) == 2


async def test_a_waiter_that_is_cancelled_takes_nobody_along(
    writer: EventWriter, query: Query, database_url: str
) -> None:
    group = uuid4()
    await writer.write([new_event(group)], request_id="r")
    async with locked_group(database_url, group):
        waiting = [
            asyncio.create_task(writer.write([new_event(group)], request_id=f"request-{n}")) for n in range(3)
        ]
        await asyncio.sleep(0.1)
        waiting[0].cancel()
        await asyncio.sleep(0.1)
        assert [task.done() for task in waiting] == [True, False, False]
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(answer) for answer in answers] == [asyncio.CancelledError, Written, Written]
    assert len(query("SELECT 1 FROM error_events")) == 4


async def test_a_waiter_whose_time_is_up_takes_nobody_along(
    writer: EventWriter, query: Query, database_url: str
) -> None:
    async def hurried(event: NewEvent) -> Written:
        with deadline.within(0.2):
            return await writer.write([event], request_id="hurried")

    group = uuid4()
    await writer.write([new_event(group)], request_id="r")
    async with locked_group(database_url, group):
        patient = asyncio.create_task(writer.write([new_event(group)], request_id="patient"))
        with pytest.raises(StoreUnavailable):
            await hurried(new_event(group))
        assert not patient.done()
    await patient
    assert len(query("SELECT 1 FROM error_events")) == 3


async def test_what_nobody_waits_for_any_more_is_not_begun(
    writer: EventWriter, query: Query, database_url: str
) -> None:
    group = uuid4()
    await writer.write([new_event(group)], request_id="r")
    async with locked_group(database_url, group):
        first = asyncio.create_task(writer.write([new_event(group)], request_id="first"))
        await asyncio.sleep(0.05)
        gone = asyncio.create_task(writer.write([new_event()], request_id="gone"))
        await asyncio.sleep(0.05)
        gone.cancel()
    await first
    await writer.aclose()
    assert len(query("SELECT 1 FROM error_events")) == 2


async def test_a_write_that_waits_for_a_lock_does_not_keep_others_waiting(
    writer: EventWriter, database_url: str
) -> None:
    group = uuid4()
    await writer.write([new_event(group)], request_id="r")
    async with locked_group(database_url, group):
        held = asyncio.create_task(writer.write([new_event(group)], request_id="held"))
        await asyncio.sleep(0.05)
        async with asyncio.timeout(SOON):
            await writer.write([new_event()], request_id="free")
        assert not held.done()
    await held


async def test_closing_lets_what_is_under_way_end(writer: EventWriter, query: Query) -> None:
    answers = [asyncio.create_task(writer.write([new_event()], request_id=f"r-{n}")) for n in range(10)]
    await asyncio.sleep(0)
    await writer.aclose()
    assert [answer.done() for answer in answers] == [True] * 10


async def test_what_is_prepared_may_be_forgotten(writer: EventWriter, database: Database) -> None:
    """As psycopg has the server do after a ROLLBACK."""
    await writer.write([new_event()], request_id="r")
    await database.autocommit(lambda connection: connection.execute("DEALLOCATE ALL"))
    assert isinstance(await writer.write([new_event()], request_id="r"), Written)


async def test_plans_of_a_database_without_rows_serve_one_with_many(
    database_url: str, redis_url: str, query: Query
) -> None:
    """They are made once a connection, and on short tables PostgreSQL would rather read them through."""
    add_project(database_url)
    database, publisher = Database(database_url, pool_size=1, timeout=5), Publisher(redis_url, timeout=1)
    writer = EventWriter(database, publisher)
    query("VACUUM ANALYZE")
    await writer.write([new_event()], request_id="r")
    filled = [new_event() for _ in range(3_000)]
    for start in range(0, len(filled), MOST_ROWS):
        await writer.write(filled[start : start + MOST_ROWS], request_id="r")
    query(ANALYSE)

    async def flush(connection: Connection) -> None:
        await connection.execute("SELECT pg_stat_force_next_flush()")

    async def rows_read() -> int:
        await database.autocommit(flush)
        sql = "SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0))::int AS rows FROM pg_stat_user_tables"
        return int(query(sql)[0]["rows"])

    before = await rows_read()
    for event in filled[:10]:
        await writer.write([new_event(event.group_id)], request_id="r")
    assert await rows_read() - before < 10 * 50
    await writer.aclose()
    await publisher.aclose()
    await database.aclose()


async def test_no_request_lends_its_deadline_to_others(writer: EventWriter, database_url: str) -> None:
    """Nor to those that wait behind it."""

    async def one(seconds: float, group: UUID) -> Written:
        with deadline.within(seconds):
            return await writer.write([new_event(group)], request_id="r")

    group = uuid4()
    await writer.write([new_event(group)], request_id="r")
    async with locked_group(database_url, group):
        waiting = [asyncio.create_task(one(seconds, group)) for seconds in (0.1, 10, 0.2)]
        await asyncio.sleep(0.5)
    answers = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(answer) for answer in answers] == [StoreUnavailable, Written, StoreUnavailable]
