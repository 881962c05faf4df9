"""What a process of the pool had when it died, and whose jobs are left alone."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import billiard
import pytest
from billiard.connection import Connection
from billiard.context import SpawnProcess
from billiard.process import current_process

from core.domain.job import JobState
from core.settings import load
from core.store import backlog, jobs
from core.store.database import Database
from infra.local.process import free_port
from tests.integration.conftest import Query
from tests.integration.queued_jobs import ANALYSE, add_jobs, add_project
from worker import wiring
from worker.pool.claimant import give_word, name_of
from worker.pool.lost import end_leases_of

GONE = "host:7:0123456789ab"
OTHERS = ("host:7:ba9876543210", "host:7:0123456789abc", "host:70:0123456789ab", "other:7:0123456789ab")
"""One of the same number, and whatever else has a name like its."""


async def claimed(database: Database, query: Query, claimant: str, count: int) -> list[jobs.Claim]:
    """That many of the jobs that wait, by a process of this name."""
    claims: list[jobs.Claim] = []
    for row in query("SELECT id FROM jobs WHERE state = 'queued' LIMIT %s", count):
        claims.append(await claim(database, row["id"], f"{claimant}:{len(claims):012x}"))
    return claims


async def claim(database: Database, job_id: UUID, by: str) -> jobs.Claim:
    cursor = await database.autocommit(
        lambda c: jobs.claim(c, job_id, kind=ANALYSE, claimed_by=by, lease=timedelta(seconds=30))
    )
    found = await jobs.read_claim(cursor, job_id, kind=ANALYSE, claimed_by=by)
    assert found is not None
    return found


async def lost(database: Database) -> set[UUID]:
    """What a sweep takes for lost."""
    cursor = await database.autocommit(
        lambda c: backlog.requeue_lost(c, max_losses=4, spread=timedelta(seconds=10))
    )
    return {id_ for (id_,) in await cursor.fetchall()}


async def end_leases(database: Database, *, apart: float = 0) -> int:
    return await database.autocommit(lambda c: jobs.end_leases(c, GONE, apart=timedelta(seconds=apart)))


async def test_what_it_had_is_lost_once_and_no_other_job(query: Query, database: Database) -> None:
    add_jobs(query, add_project(query, "test"), 10)
    had = {claim_.job_id for claim_ in await claimed(database, query, GONE, 3)}
    for other in OTHERS:
        await claimed(database, query, other, 1)
    assert await end_leases(database) == 3
    assert await lost(database) == had
    assert (await end_leases(database), await lost(database)) == (0, set())
    rows = query("SELECT state, attempts, losses FROM jobs")
    assert Counter((row["state"], row["attempts"], row["losses"]) for row in rows) == {
        ("queued", 1, 1): 3,
        ("running", 1, 0): len(OTHERS),
        ("queued", 0, 0): 3,
    }


async def test_what_it_had_ended_stays_so(query: Query, database: Database) -> None:
    """Its last commit may come in after its end."""
    add_jobs(query, add_project(query, "test"), 2)
    before, after = await claimed(database, query, GONE, 2)
    await jobs.fenced(database, lambda c: jobs.finish(c, before, JobState.DONE))
    assert await end_leases(database) == 1
    await jobs.fenced(database, lambda c: jobs.finish(c, after, JobState.DONE))
    assert await lost(database) == set()
    assert {row["state"] for row in query("SELECT state FROM jobs")} == {"done"}


async def test_what_was_lost_together_does_not_come_back_together(query: Query, database: Database) -> None:
    add_jobs(query, add_project(query, "test"), 12)
    nearly_over, *_ = await claimed(database, query, GONE, 12)
    query("UPDATE jobs SET lease_until = now() WHERE id = %s", nearly_over.job_id)
    assert await end_leases(database, apart=1) == 12
    rows = query("SELECT id, extract(epoch FROM lease_until - now())::float8 AS seconds FROM jobs")
    seconds = {row["id"]: row["seconds"] for row in rows}
    assert seconds.pop(nearly_over.job_id) <= 0
    assert max(seconds.values()) <= 12
    assert max(seconds.values()) - min(seconds.values()) > 1


def say_name(pipe: Connection) -> None:
    pipe.send(name_of(current_process()))


def test_a_process_and_its_parent_have_one_name_for_it() -> None:
    """Even where it inherits nothing but what it is sent."""
    parents, childs = billiard.Pipe()
    process: Any = SpawnProcess(target=say_name, args=(childs,))
    give_word(process)
    process.start()
    said = parents.recv()
    process.join()
    assert said == name_of(process)
    assert int(said.split(":")[1]) == process.pid


@pytest.fixture
def without_postgresql(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A process of a worker where nobody listens."""
    nobody = f"127.0.0.1:{free_port()}"
    monkeypatch.setenv("DATABASE_URL", f"postgresql://rootnote@{nobody}/rootnote")
    monkeypatch.setenv("REDIS_URL", f"redis://{nobody}/0")
    load.cache_clear()
    yield
    wiring.close()
    load.cache_clear()


@pytest.mark.usefixtures("without_postgresql")
def test_where_postgresql_is_away_it_is_left_to_the_leases(caplog: pytest.LogCaptureFixture) -> None:
    end_leases_of(GONE)
    assert "wait for their leases" in caplog.text
