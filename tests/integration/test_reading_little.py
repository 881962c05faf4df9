"""Where tables are long, nothing that is asked often reads them through: by what PostgreSQL says it did."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from core.store.database import Connection, Database
from infra.local.postgres import PostgresServer
from tests.conftest import migrate
from tests.load.explain import Explaining, plans_of, read_through, rows_read
from tests.load.fill import Sample, fill
from tests.load.questions import questions

LONG = frozenset({"error_events", "error_groups", "error_analysis", "jobs", "llm_calls"})
EVENTS = 20_000
MOST_ROWS = 500
COUNTING = {"group page of the hot group": 10_100}
"""Its events are counted, up to the limit of counting."""


@pytest.fixture(scope="module")
def filled(postgres: PostgresServer) -> tuple[str, Sample]:
    url = postgres.create_database("long_tables")
    migrate(url)
    return url, fill(url, EVENTS, events_a_group=2)


@pytest.fixture
async def long_tables(filled: tuple[str, Sample]) -> AsyncIterator[Database]:
    # As of a disk without a head to move, so that these few rows decide what a million would.
    url = f"{filled[0]}?options=-c%20random_page_cost%3D1.1"
    database = Database(url, pool_size=1, timeout=5)
    yield database
    await database.aclose()


async def test_an_index_finds_whatever_is_asked(filled: tuple[str, Sample], long_tables: Database) -> None:
    asked = questions(filled[1])
    found = await long_tables.serial(lambda connection: plans_of(connection, asked))
    for name, plans in found.items():
        assert plans, name
        for plan in plans:
            assert (name, read_through(plan, LONG)) == (name, set())
            assert rows_read(plan) <= COUNTING.get(name, MOST_ROWS), name


async def test_and_so_do_plans_made_for_any_values(filled: tuple[str, Sample], long_tables: Database) -> None:
    """A warm process has prepared the statement, and PostgreSQL may then plan it without its values."""

    async def often(connection: Connection) -> dict[str, int]:
        seen: dict[str, int] = {}
        for name, ask in questions(filled[1]).items():
            for _ in range(8):
                async with connection.transaction(force_rollback=True):
                    await ask(connection)
            found = await connection.execute(
                "SELECT sum(seq_scan)::int FROM pg_stat_xact_user_tables WHERE relname = ANY(%s)",
                (list(LONG),),
            )
            seen[name] = (await found.fetchone() or [0])[0] - sum(seen.values())
        return seen

    seen = await long_tables.serial(often)
    assert {name: count for name, count in seen.items() if count} == {}


async def test_a_statement_without_an_index_is_noticed(long_tables: Database) -> None:
    async def look(connection: Connection) -> Explaining:
        explaining = Explaining(connection=connection)
        await explaining.execute("SELECT count(*) FROM error_events WHERE status_code = 404")
        return explaining

    [plan] = (await long_tables.serial(look)).plans
    assert read_through(plan, LONG) == {"error_events"}
    assert rows_read(plan) == EVENTS
