"""A job that kills its whole worker each time: those that ran beside it must live, and it must end."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from core.domain.job import SUSPECT_AFTER, JobKind, JobState
from core.queue.names import METADATA_GENERATION
from core.store import backlog, jobs
from core.store.database import Connection, Database
from tests.integration.conftest import Query
from tests.integration.queued_jobs import ANALYSE, add_jobs, add_project, sent_by_project
from tests.integration.test_sweep import FakeQueue, run

SPREAD = timedelta(seconds=10)
LEASE = timedelta(seconds=30)


async def claim(database: Database, job_id: UUID, kind: JobKind = ANALYSE) -> jobs.Claim | None:
    cursor = await database.autocommit(
        lambda c: jobs.claim(c, job_id, kind=kind, claimed_by="w", lease=LEASE)
    )
    return await jobs.read_claim(cursor, job_id, kind=kind, claimed_by="w")


async def lose_all(database: Database, query: Query) -> None:
    """Every worker dies, and their leases run out."""
    query("UPDATE jobs SET lease_until = now() - interval '1 s' WHERE state = 'running'")
    await database.autocommit(lambda c: backlog.requeue_lost(c, max_losses=4, spread=SPREAD))


async def test_only_the_deadly_job_dies(query: Query, database: Database) -> None:
    """One worker works all that is sent, and dies whenever the deadly job is among it."""
    add_jobs(query, add_project(query, "first"), 4)
    add_jobs(query, add_project(query, "second"), 4)
    deadly = query("SELECT id FROM jobs LIMIT 1")[0]["id"]
    deaths = 0
    for _ in range(40):
        query("UPDATE jobs SET due_at = now() WHERE state = 'queued'")
        queue = FakeQueue()
        await run(database, queue)
        claims = [found for id_ in queue.sent if (found := await claim(database, id_))]
        if deadly in queue.sent:
            deaths += 1
            await lose_all(database, query)
            continue
        for claimed in claims:
            await jobs.fenced(database, lambda c, mine=claimed: jobs.finish(c, mine, JobState.DONE))  # type: ignore[misc]
    assert deaths == 4
    ends = {row["id"]: (row["state"], row["reason"]) for row in query("SELECT id, state, reason FROM jobs")}
    assert ends.pop(deadly) == ("dead", "worker lost")
    assert set(ends.values()) == {("done", None)}


async def test_suspects_are_sent_one_at_a_time(query: Query, database: Database) -> None:
    add_jobs(query, add_project(query, "test"), 3, losses=SUSPECT_AFTER)
    add_jobs(query, add_project(query, "other"), 2, losses=SUSPECT_AFTER - 1)
    queue = FakeQueue()
    await run(database, queue)
    assert sent_by_project(query) == {"test": 1, "other": 2}
    await run(database, queue)
    assert sent_by_project(query) == {"test": 1, "other": 2}
    [suspect] = query("SELECT id FROM jobs WHERE losses = %s AND sent_at IS NOT NULL", SUSPECT_AFTER)
    claimed = await claim(database, suspect["id"])
    assert claimed is not None
    await run(database, queue)
    assert sent_by_project(query) == {"other": 2}
    await jobs.fenced(database, lambda c: jobs.finish(c, claimed, JobState.DONE))
    await run(database, queue)
    assert sent_by_project(query) == {"test": 1, "other": 2}


async def test_a_suspect_whose_queue_nobody_serves_keeps_no_other_kinds_waiting(
    query: Query, database: Database
) -> None:
    project = add_project(query, "test")
    add_jobs(query, project, 1, losses=SUSPECT_AFTER, kind=JobKind.GENERATE_METADATA, is_sent=True)
    queue = FakeQueue(depth_of={METADATA_GENERATION: 1})
    query("UPDATE jobs SET sent_at = now() - interval '61 s'")
    [unserved] = query("SELECT id, subject_id FROM jobs")
    await run(database, queue)
    assert query("SELECT 1 FROM jobs WHERE sent_at IS NOT NULL"), "nobody needs its place"
    add_jobs(query, project, 2, losses=SUSPECT_AFTER)
    await run(database, queue)
    [sent] = query("SELECT id, kind FROM jobs WHERE sent_at IS NOT NULL")
    assert sent["kind"] == ANALYSE
    assert await claim(database, unserved["id"], JobKind.GENERATE_METADATA) is None
    claimed = await claim(database, sent["id"])
    assert claimed is not None
    await run(database, queue)
    assert not query("SELECT 1 FROM jobs WHERE sent_at IS NOT NULL"), "one is under way"


async def test_a_suspect_of_another_kind_has_a_minute_to_be_taken(query: Query, database: Database) -> None:
    project = add_project(query, "test")
    add_jobs(query, project, 1, losses=SUSPECT_AFTER, kind=JobKind.GENERATE_METADATA, is_sent=True)
    query("UPDATE jobs SET sent_at = now() - interval '30 s'")
    add_jobs(query, project, 1, losses=SUSPECT_AFTER)
    await run(database, FakeQueue(depth_of={METADATA_GENERATION: 1}))
    [sent] = query("SELECT kind FROM jobs WHERE sent_at IS NOT NULL")
    assert sent["kind"] == JobKind.GENERATE_METADATA


async def test_an_old_message_does_not_start_a_suspect_out_of_turn(query: Query, database: Database) -> None:
    add_jobs(query, add_project(query, "test"), 1, losses=SUSPECT_AFTER)
    [job] = query("SELECT id FROM jobs")
    assert await claim(database, job["id"]) is None
    query("UPDATE jobs SET sent_at = now()")
    assert await claim(database, job["id"]) is not None


async def test_a_lost_job_that_is_found_by_its_message_is_counted(query: Query, database: Database) -> None:
    add_jobs(query, add_project(query, "test"), 1)
    [job] = query("SELECT id FROM jobs")
    for _ in range(2):
        assert await claim(database, job["id"]) is not None
        query("UPDATE jobs SET lease_until = now() - interval '1 s'")
    assert await claim(database, job["id"]) is None
    assert query("SELECT losses, attempts FROM jobs") == [{"losses": 1, "attempts": 2}]


async def test_a_first_loss_is_made_good_at_once_and_further_ones_spread(
    query: Query, database: Database
) -> None:
    add_jobs(query, add_project(query, "test"), 60)

    async def delays() -> list[float]:
        query("UPDATE jobs SET state = 'running'")
        await lose_all(database, query)
        rows = query("SELECT extract(epoch FROM due_at - clock_timestamp())::float8 AS s FROM jobs")
        return [row["s"] for row in rows]

    assert max(await delays()) <= 0
    second = await delays()
    assert 0 < max(second) <= 10
    assert len({round(delay, 3) for delay in second}) > 50
    assert 10 < max(await delays()) <= 20


async def test_who_redrives_a_dead_job_starts_it_afresh(query: Query, database: Database) -> None:
    add_jobs(query, add_project(query, "test"), 1, losses=4)
    query("UPDATE jobs SET state = 'dead'")

    async def redrive(connection: Connection) -> list[backlog.Queued]:
        return await backlog.redrive(connection, job_id=None, project_id=None, limit=10)

    [queued] = await database.autocommit(redrive)
    assert queued.is_sent
    assert query("SELECT losses, attempts FROM jobs") == [{"losses": 0, "attempts": 0}]
