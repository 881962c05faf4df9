"""The sweeper: what is due, what was lost, and what must be left alone."""

from __future__ import annotations

import asyncio
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from datetime import timedelta
from uuid import UUID

import httpx2
import psycopg
import pytest

from core.domain.job import SUSPECT_AFTER, JobKind
from core.errors import QueueUnavailable
from core.queue.names import METADATA_GENERATION, Outgoing
from core.store import backlog, dispatch, jobs
from core.store.database import APPLICATION_NAME, Connection, Database
from tests.integration.conftest import Query, guide_event
from tests.integration.queued_jobs import add_jobs, add_project
from tests.load.explain import Explaining, read_through, rows_read
from worker import tasks
from worker.usecases.sweep import LOOK_SECONDS, SweepTools, Swept, sweep
from worker.usecases.window import LEAST, Window


@dataclass(kw_only=True)
class FakeQueue:
    """`is_down`: answers nothing; `is_full`: takes nothing. `waiting`: what it says of the lengths that are
    not in `depth_of`."""

    is_down: bool = False
    is_full: bool = False
    waiting: int = 0
    depth_of: dict[str, int] = field(default_factory=dict)
    sent: list[UUID] = field(default_factory=list)
    canaries: int = 0
    looks: int = 0

    async def send(self, jobs: list[Outgoing]) -> None:
        if self.is_down or self.is_full:
            raise QueueUnavailable("down")
        self.sent += [job.job_id for job in jobs]

    async def send_canary(self) -> None:
        self.canaries += 1

    async def depths(self, queues: list[str]) -> list[int]:
        self.looks += 1
        if self.is_down:
            raise QueueUnavailable("down")
        return [self.depth_of.get(queue, self.waiting) for queue in queues]


def tools_of(database: Database, queue: FakeQueue, *, resend_after: float = 15) -> SweepTools:
    """For one look, with all the room there is."""
    return SweepTools(
        database=database,
        queue=queue,
        windows={kind: Window(least=500) for kind in JobKind},
        max_losses=4,
        spread=timedelta(seconds=10),
        resend_after=timedelta(seconds=resend_after),
    )


async def run(database: Database, queue: FakeQueue, *, resend_after: float = 15) -> Swept:
    return await swept_by(tools_of(database, queue, resend_after=resend_after))


async def swept_by(tools: SweepTools) -> Swept:
    swept = await sweep(tools)
    assert swept is not None
    return swept


async def test_of_sweeps_that_have_gathered_one_works(database: Database, query: Query) -> None:
    tools = replace(tools_of(database, FakeQueue()), apart=timedelta(seconds=60))
    assert [await sweep(tools) is not None for _ in range(3)] == [True, False, False]
    # As when PostgreSQL's clock was put back.
    query("UPDATE heartbeats SET seen_at = now() + interval '1 hour'")
    assert await sweep(tools) is not None
    query("UPDATE heartbeats SET seen_at = now() - interval '61 seconds'")
    assert await sweep(tools) is not None


async def claim(database: Database, job_id: UUID) -> jobs.Claim | None:
    kind = JobKind.ANALYSE_GROUP
    cursor = await database.autocommit(
        lambda c: jobs.claim(c, job_id, kind=kind, claimed_by="w", lease=timedelta(seconds=30))
    )
    return await jobs.read_claim(cursor, job_id, kind=kind, claimed_by="w")


async def queued(client: httpx2.AsyncClient, query: Query) -> UUID:
    await client.post("/api/v1/events", json=guide_event())
    [job] = query("SELECT id FROM jobs")
    id_: UUID = job["id"]
    return id_


async def test_a_message_on_its_way_is_left_alone_and_a_lost_one_sent_again(
    client: httpx2.AsyncClient, query: Query, database: Database
) -> None:
    job_id = await queued(client, query)
    queue = FakeQueue()
    assert await run(database, queue) == Swept(lost=0, sent=0)
    query("UPDATE jobs SET sent_at = now() - interval '16 s'")
    assert await run(database, queue) == Swept(lost=0, sent=1)
    assert await run(database, queue) == Swept(lost=0, sent=0)
    assert queue.sent == [job_id]


async def test_a_retry_is_sent_when_it_is_due_and_not_before(
    client: httpx2.AsyncClient, query: Query, database: Database
) -> None:
    job_id = await queued(client, query)
    query("UPDATE jobs SET sent_at = NULL, due_at = now() + interval '1 h'")
    queue = FakeQueue()
    assert (await run(database, queue)).sent == 0
    query("UPDATE jobs SET due_at = now() - interval '1 s'")
    assert (await run(database, queue)).sent == 1
    assert queue.sent == [job_id]


async def test_a_lost_lease_goes_back_to_the_queue_and_at_last_to_the_dead(
    client: httpx2.AsyncClient, query: Query, database: Database
) -> None:
    job_id = await queued(client, query)
    queue = FakeQueue()
    for attempt in range(1, 5):
        claimed = await claim(database, job_id)
        assert claimed is not None
        assert claimed.attempts == attempt
        assert (await run(database, queue)).lost == 0
        query("UPDATE jobs SET lease_until = now() - interval '1 s'")
        assert (await run(database, queue)).lost == 1
        query("UPDATE jobs SET due_at = now() WHERE state = 'queued'")
        await run(database, queue)
        assert queue.sent == [job_id] * min(attempt, 3)
    [job] = query("SELECT state, reason, last_error FROM jobs")
    assert (job["state"], job["reason"]) == ("dead", "worker lost")
    assert "worker was lost" in job["last_error"]


async def test_ended_jobs_are_never_sent(
    client: httpx2.AsyncClient, query: Query, database: Database
) -> None:
    await queued(client, query)
    for state in ("done", "skipped", "failed", "dead"):
        query("UPDATE jobs SET state = %s, sent_at = NULL, due_at = now() - interval '1 h'", state)
        assert await run(database, FakeQueue()) == Swept(lost=0, sent=0)


async def test_redis_away(client: httpx2.AsyncClient, query: Query, database: Database) -> None:
    job_id = await queued(client, query)
    query("UPDATE jobs SET sent_at = NULL")
    assert await run(database, FakeQueue(is_down=True)) == Swept(lost=0, sent=0)
    queue = FakeQueue()
    assert await run(database, queue, resend_after=0) == Swept(lost=0, sent=1)
    assert queue.sent == [job_id]


async def test_a_long_queue_is_not_made_much_longer(
    client: httpx2.AsyncClient, query: Query, database: Database
) -> None:
    await queued(client, query)
    query(
        "INSERT INTO jobs (id, kind, subject_id, version, project_id)"
        " SELECT gen_random_uuid(), kind, gen_random_uuid(), version, project_id"
        " FROM jobs, generate_series(1, 999)"
    )
    query("UPDATE jobs SET sent_at = NULL")
    assert (await run(database, FakeQueue(waiting=10_000))).sent == 0
    assert (await run(database, FakeQueue(waiting=100))).sent == 400
    assert (await run(database, FakeQueue())).sent == 500


async def test_what_was_sent_is_not_sent_again_to_a_long_queue(
    client: httpx2.AsyncClient, query: Query, database: Database
) -> None:
    job_id = await queued(client, query)
    query("UPDATE jobs SET sent_at = now() - interval '1 h'")
    assert (await run(database, FakeQueue(waiting=10_000))).sent == 0
    queue = FakeQueue()
    assert (await run(database, queue)).sent == 1
    assert queue.sent == [job_id]


async def test_a_kind_that_nobody_serves_keeps_no_other_waiting(
    client: httpx2.AsyncClient, query: Query, database: Database
) -> None:
    job_id = await queued(client, query)
    query(
        "INSERT INTO jobs (id, kind, subject_id, version, project_id, due_at)"
        " SELECT gen_random_uuid(), 'generate_metadata', gen_random_uuid(), version, project_id,"
        " now() - interval '1 h' FROM jobs, generate_series(1, 2000)"
    )
    query("UPDATE jobs SET sent_at = NULL")
    queue = FakeQueue(depth_of={METADATA_GENERATION: 10_000})
    await run(database, queue)
    assert queue.sent == [job_id]


async def test_a_sweep_that_lasts_looks_again_for_what_has_come(query: Query, database: Database) -> None:
    project = add_project(query, "test")
    queue = FakeQueue()
    tools = replace(
        tools_of(database, queue), lasts=6 * LOOK_SECONDS, windows={kind: Window() for kind in JobKind}
    )
    sweeping = asyncio.ensure_future(swept_by(tools))
    while not query("SELECT 1 FROM heartbeats"):  # noqa: ASYNC110  (PostgreSQL says it)
        await asyncio.sleep(0.01)
    add_jobs(query, project, 100)
    swept = await sweeping
    assert swept is not None
    # The queue is found empty each time, so each look sends twice as much as the one before.
    assert swept.sent == len(queue.sent)
    assert swept.sent in (LEAST, 3 * LEAST, 7 * LEAST, 15 * LEAST, 100)


async def test_redis_away_at_one_look_is_asked_at_the_next(query: Query, database: Database) -> None:
    add_jobs(query, add_project(query, "test"), 3)
    queue = FakeQueue(is_down=True)
    sweeping = asyncio.ensure_future(swept_by(replace(tools_of(database, queue), lasts=5 * LOOK_SECONDS)))
    while not query("SELECT 1 FROM heartbeats"):  # noqa: ASYNC110  (PostgreSQL says it)
        await asyncio.sleep(0.01)
    assert not query("SELECT 1 FROM jobs WHERE sent_at IS NOT NULL")
    queue.is_down = False
    swept = await sweeping
    assert swept is not None
    assert swept.sent == 3


async def test_what_a_full_redis_refuses_is_not_taken_for_sent(query: Query, database: Database) -> None:
    add_jobs(query, add_project(query, "test"), 3)
    add_jobs(query, add_project(query, "other"), 2, losses=SUSPECT_AFTER)
    queue = FakeQueue(is_full=True)
    assert (await run(database, queue)).sent == 0
    assert not query("SELECT 1 FROM jobs WHERE sent_at IS NOT NULL")
    queue.is_full = False
    assert (await run(database, queue)).sent == 4


@pytest.mark.parametrize(
    ("queues", "is_so"),
    [(["maintenance"], False), (["maintenance", "ai_analysis"], True), (["metadata_generation"], True)],
)
def test_a_sweep_in_a_worker_of_jobs_looks_once(queues: list[str], is_so: bool) -> None:
    assert tasks._works_jobs(queues) is is_so


async def test_two_sweeps_take_turns(query: Query, database: Database) -> None:
    """The second waits while the first has taken jobs and not yet said so."""
    add_jobs(query, add_project(query, "test"), 2, losses=SUSPECT_AFTER)
    queue = FakeQueue()

    async def first(connection: Connection) -> asyncio.Task[Swept]:
        await dispatch.one_at_a_time(connection)
        await dispatch.take_suspect(connection, JobKind.ANALYSE_GROUP)
        second = asyncio.ensure_future(run(database, queue))
        while not query("SELECT 1 FROM pg_locks WHERE NOT granted"):  # noqa: ASYNC110  (PostgreSQL says it)
            await asyncio.sleep(0.01)
        return second

    assert (await (await database.serial(first))).sent == 0


async def test_a_canary_flies_where_nothing_waits(database: Database) -> None:
    idle, busy = FakeQueue(), FakeQueue(waiting=1)
    await run(database, idle)
    await run(database, busy)
    assert (idle.canaries, busy.canaries) == (1, 0)


async def test_where_nothing_is_due_redis_is_asked_for_the_canary_only(
    database: Database, query: Query
) -> None:
    queue = FakeQueue()
    tools = replace(tools_of(database, queue), lasts=3.5 * LOOK_SECONDS)
    await swept_by(tools)
    assert queue.looks == 1
    add_jobs(query, add_project(query, "test"), 1)
    await swept_by(replace(tools, lasts=0))
    assert (queue.looks, len(queue.sent)) == (2, 1)


async def test_counting_reads_no_finished_job(database: Database, query: Query) -> None:
    """By however many: PostgreSQL has to know that the states that are asked for are the rare ones."""
    project = add_project(query, "test")
    add_jobs(query, project, 20_000)
    query("UPDATE jobs SET state = 'done', finished_at = now()")
    add_jobs(query, project, 10)
    query("ANALYZE jobs")

    async def explained(connection: Connection) -> Explaining:
        explaining = Explaining(connection=connection)
        await backlog.count(explaining.stand_in)
        return explaining

    [plan] = (await database.serial(explained)).plans
    assert read_through(plan, frozenset({"jobs"})) == set()
    assert rows_read(plan) < 100


async def test_its_sign_of_life_is_noted(database: Database, query: Query) -> None:
    await run(database, FakeQueue())
    [row] = query("SELECT name, now() - seen_at < interval '5 s' AS fresh FROM heartbeats")
    assert (row["name"], row["fresh"]) == ("sweeper", True)


async def test_a_stopping_worker_gives_its_claim_back_uncounted(
    client: httpx2.AsyncClient, query: Query, database: Database
) -> None:
    job_id = await queued(client, query)
    claimed = await claim(database, job_id)
    assert claimed is not None
    await jobs.fenced(database, lambda c: jobs.give_back(c, claimed))
    [job] = query("SELECT state, attempts, sent_at FROM jobs")
    assert (job["state"], job["attempts"], job["sent_at"]) == ("queued", 0, None)


async def hang_and_sweep(url: str, query: Query, tools: SweepTools, *, is_pipeline: bool) -> None:
    """A process that goes on with its transaction after a sweep."""
    async with (
        await psycopg.AsyncConnection.connect(
            url, autocommit=True, application_name=APPLICATION_NAME
        ) as hung,
        hung.pipeline() if is_pipeline else nullcontext(),
        hung.transaction(),
    ):
        await hung.execute("INSERT INTO heartbeats (name) VALUES ('sweeper')")
        await hung.execute("UPDATE jobs SET attempts = attempts")
        await asyncio.sleep(0.5)
        await sweep(tools)
        query("SELECT 1 FROM jobs FOR UPDATE NOWAIT")
        await hung.execute("SELECT 1")


@pytest.mark.parametrize("is_pipeline", [True, False])
async def test_a_process_that_hangs_in_a_transaction_loses_its_locks(
    database: Database, database_url: str, query: Query, is_pipeline: bool
) -> None:
    add_jobs(query, add_project(query, "hung"), 1)
    tools = replace(tools_of(database, FakeQueue()), silent_for=timedelta(seconds=0.3))
    with pytest.raises(psycopg.OperationalError):
        await hang_and_sweep(database_url, query, tools, is_pipeline=is_pipeline)
    assert [row["name"] for row in query("SELECT name FROM heartbeats")] == ["sweeper"]


async def test_a_process_that_is_slow_but_talks_keeps_its_session(
    database: Database, database_url: str
) -> None:
    tools = replace(tools_of(database, FakeQueue()), silent_for=timedelta(seconds=5))
    async with await psycopg.AsyncConnection.connect(database_url, application_name=APPLICATION_NAME) as slow:
        await slow.execute("SELECT 1")
        await sweep(tools)
        await slow.execute("SELECT 1")
