"""Deleting what is old while events come in: nobody waits for it, and it comes to its end."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from datetime import timedelta

import httpx2
import pytest
import redis
from pydantic import SecretStr

from core.domain.job import JobKind
from core.queue.names import MAINTENANCE
from core.settings import Settings
from core.store import retention
from core.store.database import Connection, Database
from handlers import wiring
from handlers.app import create_app
from tests.conftest import ROOT
from tests.integration.conftest import Query, guide_event
from tests.integration.queued_jobs import add_jobs, add_project
from tests.integration.test_cleanup import ANALYSE, DAYS, EVENTS
from worker.usecases.cleanup import clean_up

OLD = timedelta(days=90)
_AGE = (
    "INSERT INTO error_events (id, project_id, group_id, status_code, payload, occurred_at, received_at)"
    " SELECT gen_random_uuid(), project_id, group_id, 500, payload, now(),"
    "  now() - interval '200 days' + n * interval '1 s' FROM error_events, generate_series(1, %s) AS n"
)


@pytest.fixture
async def impatient(settings: Settings) -> AsyncIterator[httpx2.AsyncClient]:
    """A client of an API whose database gives no lock that it has to wait for: its answer is then 503."""
    url = f"{settings.database_url.get_secret_value()}?options=-c%20lock_timeout%3D50ms"
    deps = wiring.build(settings.model_copy(update={"database_url": SecretStr(url)}))
    transport = httpx2.ASGITransport(app=create_app(deps), raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as client:
        yield client
    await deps.aclose()


async def post(client: httpx2.AsyncClient, **changes: object) -> int:
    return (await client.post(EVENTS, json=guide_event(**changes))).status_code


async def test_ingest_waits_for_no_lock_of_a_batch(
    impatient: httpx2.AsyncClient, query: Query, database: Database
) -> None:
    """Asked while a batch is deleted and not yet committed, which is as long as locks are held."""
    assert await post(impatient) == 202
    query(_AGE, 2_000)
    query(ANALYSE)
    statuses: list[int] = []

    async def delete(connection: Connection) -> int:
        batch = await retention.delete_events(connection, older_than=OLD, limit=1_000)
        statuses.append(await post(impatient))
        statuses.append(await post(impatient, project_key="another"))
        statuses.append(await post(impatient, status_code=404, path="/else"))
        return batch.deleted

    assert await database.serial(delete) == 1_000
    assert statuses == [202, 202, 202]


async def test_ingest_goes_on_beside_a_whole_clean_up(
    impatient: httpx2.AsyncClient, query: Query, database: Database
) -> None:
    assert await post(impatient) == 202
    query(_AGE, 12_000)
    cleaning = asyncio.ensure_future(clean_up(database, DAYS))
    statuses = []
    while not cleaning.done():
        statuses.append(await post(impatient))
    assert (await cleaning).deleted["events"] == 12_000
    assert set(statuses) == {202}
    assert len(query("SELECT 1 FROM error_events")) == 1 + len(statuses)


async def test_an_event_of_a_group_that_is_just_forgotten_is_analysed_anew(
    client: httpx2.AsyncClient, query: Query, database: Database
) -> None:
    """Its job is being deleted with the last of its analyses: ingest waits for that one batch."""
    assert await post(client) == 202
    query(ANALYSE)
    query("UPDATE jobs SET state = 'done', finished_at = now()")
    query("UPDATE error_events SET received_at = now() - interval '100 days'")

    async def delete(connection: Connection) -> asyncio.Task[httpx2.Response]:
        assert (await retention.delete_events(connection, older_than=OLD, limit=1_000)).deleted == 1
        coming = asyncio.ensure_future(client.post(EVENTS, json=guide_event()))
        while not query("SELECT 1 FROM pg_locks WHERE NOT granted"):  # noqa: ASYNC110  (no event says it)
            await asyncio.sleep(0.01)
        return coming

    response = await (await database.serial(delete))
    assert response.json()["analysis"] == "queued"
    assert [job["state"] for job in query("SELECT state FROM jobs")] == ["queued"]


async def test_an_old_job_that_is_just_queued_anew_stays(query: Query, database: Database) -> None:
    """The clean-up finds it ended, and waits for no one: it is another run's by then."""
    add_jobs(query, add_project(query, "test"), 1, kind=JobKind.GENERATE_METADATA)
    query("UPDATE jobs SET state = 'done', finished_at = now() - interval '100 days'")

    async def queue_anew(connection: Connection) -> asyncio.Task[retention.Batch]:
        await connection.execute("UPDATE jobs SET state = 'queued', finished_at = NULL")
        deleting = asyncio.ensure_future(
            database.serial(lambda c: retention.delete_ended_jobs(c, older_than=OLD, limit=1_000))
        )
        while not deleting.done() and not query("SELECT 1 FROM pg_locks WHERE NOT granted"):  # noqa: ASYNC110  (no event says it)
            await asyncio.sleep(0.01)
        return deleting

    assert (await (await database.serial(queue_anew))).deleted == 0
    assert query("SELECT state FROM jobs") == [{"state": "queued"}]


async def test_two_clean_ups_at_once_leave_each_others_rows_alone(
    client: httpx2.AsyncClient, query: Query, database: Database
) -> None:
    assert await post(client) == 202
    query(_AGE, 1_500)

    async def delete(connection: Connection) -> int:
        first = await retention.delete_events(connection, older_than=OLD, limit=1_000)
        second = await database.serial(lambda c: retention.delete_events(c, older_than=OLD, limit=1_000))
        return first.deleted + second.deleted

    assert await database.serial(delete) == 1_500


async def test_it_stops_when_its_time_is_up_and_says_so(
    client: httpx2.AsyncClient, query: Query, database: Database
) -> None:
    assert await post(client) == 202
    query(_AGE, 2_500)
    found = [await clean_up(database, DAYS, seconds=0) for _ in range(3)]
    assert [cleaned.deleted["events"] for cleaned in found] == [1_000, 1_000, 500]
    assert [cleaned.is_finished for cleaned in found] == [False, False, True]


_RUN = """
from worker import tasks
from worker.celery_app import app
app.finalize()
tasks._CLEANUP_SECONDS = 0.0
print(tasks.cleanup_old_metadata.apply().get()["events"])
"""


async def test_what_is_left_is_queued_again(
    client: httpx2.AsyncClient, query: Query, database_url: str, redis_url: str
) -> None:
    assert await post(client) == 202
    query(_AGE, 1_500)
    for deleted, queued in ((1_000, 1), (500, 1)):
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-c", _RUN],
            cwd=ROOT,
            env={"PATH": "", "DATABASE_URL": database_url, "REDIS_URL": redis_url},
            capture_output=True,
            text=True,
            check=True,
        )
        assert int(done.stdout.splitlines()[-1]) == deleted
        with redis.Redis.from_url(redis_url) as messages:
            assert messages.llen(MAINTENANCE) == queued
