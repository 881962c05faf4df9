"""Whose messages go to Redis: a noisy project has no more of them there than any other that waits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import httpx2
import redis

from core.operations.jobs import retry_all
from core.queue.names import AI_ANALYSIS, Outgoing
from core.store import dispatch
from core.store.database import Connection, Cursor, Database
from core.store.dispatch import DIRECT, LONGEST, SHORT
from handlers.wiring import Deps
from tests.integration.conftest import Query, guide_event
from tests.integration.queued_jobs import ANALYSE, add_jobs, add_project, sent_by_project, sweeper_lives
from tests.load.explain import Explaining, read_through, rows_read

BATCH = "/api/v1/events/batch"


def new_errors(count: int, project: str, *, first: int = 0) -> dict[str, object]:
    """A batch of events, each of a group of its own."""
    stacks = [
        f'Traceback (most recent call last):\n  File "/srv/a.py", line 1, in f{n}\n    g()\nKeyError: 1'
        for n in range(first, first + count)
    ]
    return {"events": [guide_event(project_key=project, stack=stack) for stack in stacks]}


async def post(client: httpx2.AsyncClient, count: int, project: str, *, first: int = 0) -> list[str]:
    response = await client.post(BATCH, json=new_errors(count, project, first=first))
    assert response.status_code == 202, response.text
    return [result["analysis"] for result in response.json()["results"]]


async def take(database: Database, *, waiting: int, room: int) -> list[UUID]:
    """In the order in which they are to be sent."""
    cursor = await database.transaction(
        lambda c: dispatch.take_fairly(c, ANALYSE, waiting=waiting, room=room)
    )
    return [id_ for id_, _, turn in sorted(await cursor.fetchall(), key=lambda row: int(row[2]))]


async def test_a_request_sends_only_a_few_messages_of_a_project(
    client: httpx2.AsyncClient, query: Query, redis_url: str
) -> None:
    sweeper_lives(query)
    assert await post(client, 30, "noisy") == ["queued"] * 30
    assert sent_by_project(query) == {"noisy": DIRECT}
    assert len(query("SELECT 1 FROM jobs WHERE state = 'queued'")) == 30
    with redis.Redis.from_url(redis_url) as client_of_redis:
        assert client_of_redis.llen(AI_ANALYSIS) == DIRECT


async def test_what_comes_later_does_not_overtake_and_others_are_sent(
    client: httpx2.AsyncClient, query: Query
) -> None:
    sweeper_lives(query)
    await post(client, 30, "noisy")
    query("UPDATE jobs SET state = 'done', sent_at = NULL WHERE sent_at IS NOT NULL")
    await post(client, 1, "noisy", first=100)
    await post(client, 1, "quiet")
    assert sent_by_project(query) == {"quiet": 1}


async def test_messages_that_wait_count_in_the_next_request(client: httpx2.AsyncClient, query: Query) -> None:
    sweeper_lives(query)
    await post(client, DIRECT - 1, "noisy")
    await post(client, 1, "noisy", first=50)
    await post(client, 1, "noisy", first=60)
    assert sent_by_project(query) == {"noisy": DIRECT}


async def test_known_groups_take_no_turn_from_new_ones(client: httpx2.AsyncClient, query: Query) -> None:
    sweeper_lives(query)
    await post(client, DIRECT, "test")
    query("UPDATE jobs SET state = 'done', sent_at = NULL")
    await post(client, 2 * DIRECT, "test")
    assert sent_by_project(query) == {"test": DIRECT}


async def test_many_projects_at_once_do_not_fill_the_queue(client: httpx2.AsyncClient, query: Query) -> None:
    sweeper_lives(query)
    for number in range(SHORT // DIRECT):
        add_jobs(query, add_project(query, f"p{number}"), DIRECT, is_sent=True)
    await post(client, 1, "one-more")
    assert "one-more" not in sent_by_project(query)


async def test_without_a_sweeper_requests_send_everything(client: httpx2.AsyncClient, query: Query) -> None:
    sweeper_lives(query)
    query("UPDATE heartbeats SET seen_at = now() - interval '31 s'")
    await post(client, 30, "noisy")
    assert sent_by_project(query) == {"noisy": 30}


async def test_room_is_shared_evenly(query: Query, database: Database) -> None:
    add_jobs(query, add_project(query, "noisy"), 1_000, minutes_ago=600)
    add_jobs(query, add_project(query, "second"), 100)
    add_jobs(query, add_project(query, "quiet"), 1, minutes_ago=0)
    ids = await take(database, waiting=0, room=41)
    assert sent_by_project(query) == {"noisy": 20, "second": 20, "quiet": 1}
    owners = {row["id"]: row["project_id"] for row in query("SELECT id, project_id FROM jobs")}
    for place in range(3, 41, 2):
        assert owners[ids[place]] != owners[ids[place + 1]]
    assert len({owners[id_] for id_ in ids[:3]}) == 3


async def test_what_waits_already_counts(query: Query, database: Database) -> None:
    noisy, second = add_project(query, "noisy"), add_project(query, "second")
    add_jobs(query, noisy, 30, is_sent=True)
    add_jobs(query, noisy, 100)
    add_jobs(query, second, 100)
    await take(database, waiting=30, room=20)
    assert sent_by_project(query) == {"noisy": 30, "second": 20}


async def test_one_project_alone_may_have_all_the_room(query: Query, database: Database) -> None:
    add_jobs(query, add_project(query, "noisy"), 1_000)
    ids = await take(database, waiting=0, room=200)
    assert len(ids) == 200
    oldest = query("SELECT id FROM jobs ORDER BY due_at LIMIT 200")
    assert ids == [row["id"] for row in oldest]


async def test_a_first_message_is_sent_though_there_is_no_room(query: Query, database: Database) -> None:
    noisy = add_project(query, "noisy")
    add_jobs(query, noisy, 50, is_sent=True)
    add_jobs(query, noisy, 50)
    add_jobs(query, add_project(query, "quiet"), 3)
    await take(database, waiting=50, room=0)
    assert sent_by_project(query) == {"noisy": 50, "quiet": 1}
    assert await take(database, waiting=LONGEST, room=0) == []


async def test_a_look_costs_no_more_where_thousands_wait(query: Query, database: Database) -> None:
    for key in ("noisy", "second"):
        add_jobs(query, add_project(query, key), 10_000)
    query("ANALYZE jobs")

    async def look(connection: Connection) -> Explaining:
        explaining = Explaining(connection=connection)
        await dispatch.take_fairly(explaining.stand_in, ANALYSE, waiting=0, room=20)
        return explaining

    [plan] = (await database.serial(look)).plans
    assert read_through(plan, frozenset({"jobs"})) == set()
    assert rows_read(plan) < 300


async def test_jobs_that_are_not_due_are_left(query: Query, database: Database) -> None:
    add_jobs(query, add_project(query, "later"), 3, minutes_ago=-60)
    add_jobs(query, add_project(query, "now"), 1)
    await take(database, waiting=0, room=10)
    assert sent_by_project(query) == {"now": 1}


async def test_only_as_many_are_sent_again_as_are_missing(query: Query, database: Database) -> None:
    add_jobs(query, add_project(query, "test"), 8, is_sent=True)

    async def lost(waiting: int) -> int:
        async def look(connection: Connection) -> Cursor:
            return await dispatch.take_lost(
                connection, ANALYSE, waiting=waiting, resend_after=timedelta(seconds=15)
            )

        return len(await (await database.transaction(look)).fetchall())

    assert await lost(8) == 0
    assert await lost(6) == 2
    assert await lost(0) == 6
    assert await lost(0) == 0


async def test_all_that_died_is_not_sent_at_once(query: Query, deps: Deps, database: Database) -> None:
    sweeper_lives(query)
    for key, count in (("noisy", 1_200), ("second", 2)):
        add_jobs(query, add_project(query, key), count)
    query("UPDATE jobs SET state = 'dead', losses = 4")
    assert await retry_all(project_id=None, database=database, sender=deps.publisher) == 1_202
    assert sent_by_project(query) == {"noisy": DIRECT, "second": 2}
    assert query("SELECT DISTINCT state, losses FROM jobs") == [{"state": "queued", "losses": 0}]


@dataclass(kw_only=True)
class FailingWorkers:
    """Workers so quick that what is sent to them has failed when the sending ends."""

    query: Query
    sendings: int = 0

    async def send(self, jobs: list[Outgoing]) -> None:
        self.sendings += 1
        ids = [job.job_id for job in jobs]
        self.query("UPDATE jobs SET state = 'failed', finished_at = now() WHERE id = ANY(%s)", ids)
        assert self.sendings < 10, "it goes on for ever"


async def test_what_fails_again_at_once_is_redriven_once(query: Query, database: Database) -> None:
    add_jobs(query, add_project(query, "test"), 3)
    query("UPDATE jobs SET state = 'failed', finished_at = now()")
    workers = FailingWorkers(query=query)
    assert await retry_all(project_id=None, database=database, sender=workers) == 3
