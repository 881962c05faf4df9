"""What is asked of open jobs costs what was asked for, whatever PostgreSQL's statistics last met."""

from __future__ import annotations

from collections.abc import AsyncIterator

import psycopg
import pytest

from core.store.database import Database
from infra.local.postgres import PostgresServer
from tests.conftest import migrated_database
from tests.load.explain import plans_of, read_through, rows_read
from tests.load.fill import Sample, fill
from tests.load.questions import questions

JOBS = 20_000
MOST_ROWS = 500
COUNTING = {"sweep: counts": JOBS}
"""Counts what waits, up to the limit of counting."""
OFTEN = ("sweep", "ingest", "claim", "a claim", "messages")
"""What questions of the flow begin with. People's pages and the nightly ones are no part of it."""

_ENDED = "UPDATE jobs SET state = 'done', reason = NULL, lease_until = NULL, finished_at = now()"
_QUEUED = "UPDATE jobs SET state = 'queued', due_at = now() - interval '1 minute', finished_at = NULL"
_RUNNING = (
    "UPDATE jobs SET state = 'running', lease_until = now() + interval '1 hour', finished_at = NULL"
    " WHERE project_id = ANY(%s) AND id < 'a0000000-0000-0000-0000-000000000000'"
)


@pytest.fixture(scope="module")
def filled(postgres: PostgresServer) -> tuple[str, Sample]:
    url = migrated_database(postgres, "open_jobs")
    with psycopg.connect(url, autocommit=True) as connection:
        # What it would learn at a moment of its own choice is what this is about.
        connection.execute("ALTER TABLE jobs SET (autovacuum_enabled = false)")
    return url, fill(url, JOBS, events_a_group=1)


@pytest.fixture(params=["when all had ended", "when all waited"])
async def flooded(filled: tuple[str, Sample], request: pytest.FixtureRequest) -> AsyncIterator[Database]:
    """Half of the jobs wait and some run, and statistics were taken before that."""
    url, sample = filled
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(_ENDED if request.param == "when all had ended" else _QUEUED)
        connection.execute("VACUUM (ANALYZE) jobs")
        connection.execute(_ENDED)
        connection.execute(f"{_QUEUED} WHERE project_id = ANY(%s)", ([sample.noisy, sample.quiet],))
        connection.execute(_RUNNING, ([sample.noisy],))
    database = Database(url, pool_size=1, timeout=5)
    yield database
    await database.aclose()


async def test_no_look_reads_more_than_it_takes(filled: tuple[str, Sample], flooded: Database) -> None:
    asked = {name: ask for name, ask in questions(filled[1]).items() if name.startswith(OFTEN)}
    found = await flooded.serial(lambda connection: plans_of(connection, asked))
    for name, plans in found.items():
        assert plans, name
        for plan in plans:
            assert (name, read_through(plan, frozenset({"jobs"}))) == (name, set())
            assert (name, rows_read(plan)) <= (name, COUNTING.get(name, MOST_ROWS))
