"""The schema in code, the migrations, and what readiness believes, held together."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import LiteralString

import psycopg
import pytest
from alembic.config import Config
from alembic.script import ScriptDirectory
from psycopg.errors import DeadlockDetected
from psycopg.sql import SQL, Identifier
from sqlalchemy import create_engine

from core.store import health, tables
from infra.local.postgres import PostgresServer
from tests.conftest import migrate

ROOT = Path(__file__).resolve().parents[2]


def alembic(url: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "alembic", *words],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )


def test_migrations_give_the_schema_of_the_tables_module(database_url: str) -> None:
    done = alembic(database_url, "check")
    assert done.returncode == 0, done.stdout + done.stderr


_DETAILS = """
SELECT indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version'
UNION ALL
SELECT relname || ' ' || array_to_string(reloptions, ', ') FROM pg_class
WHERE reloptions IS NOT NULL AND relkind = 'r'
ORDER BY 1
"""


def test_conditions_of_indexes_and_storage_are_those_of_the_tables_module(
    database_url: str, postgres: PostgresServer
) -> None:
    """Which the check before does not compare."""
    by_module = postgres.create_database("by_tables_module")
    engine = create_engine(by_module)
    tables.metadata.create_all(engine)
    engine.dispose()
    with psycopg.connect(database_url) as migrated, psycopg.connect(by_module) as made:
        assert migrated.execute(_DETAILS).fetchall() == made.execute(_DETAILS).fetchall()


def test_down_and_up_again(database_url: str) -> None:
    assert alembic(database_url, "downgrade", "base").returncode == 0
    migrate(database_url)
    assert alembic(database_url, "check").returncode == 0


@pytest.mark.parametrize(("first", "second"), [("jobs", "projects"), ("projects", "jobs")])
def test_work_that_is_under_way_does_not_make_a_migration_fail(
    database_url: str, first: LiteralString, second: LiteralString
) -> None:
    """Ingest writes jobs, and then looks up their projects; who deletes a project does the opposite."""
    assert alembic(database_url, "downgrade", "0002").returncode == 0
    with ThreadPoolExecutor() as threads, psycopg.connect(database_url) as working:
        working.execute(SQL("SELECT FROM {} LIMIT 1").format(Identifier(first)))
        migrating = threads.submit(alembic, database_url, "upgrade", "head")
        while not (migrating.done() or _waits(database_url)):
            time.sleep(0.01)
        # Whoever waited longer is ended, which on a slow machine may be this one.
        with suppress(DeadlockDetected):
            working.execute(SQL("SELECT FROM {} LIMIT 1").format(Identifier(second)))
        working.rollback()
        done = migrating.result()
    assert done.returncode == 0, done.stderr


def _waits(url: str) -> bool:
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute("SELECT FROM pg_locks WHERE NOT granted").fetchone() is not None


def test_readiness_knows_the_head() -> None:
    script = ScriptDirectory.from_config(Config(str(ROOT / "alembic.ini")))
    assert script.get_current_head() == health.HEAD


def test_revisions_are_numbers_that_ascend() -> None:
    """By which code that is rolled back knows that a schema is newer, see `core.store.schema`."""
    script = ScriptDirectory.from_config(Config(str(ROOT / "alembic.ini")))
    newest_first = [found.revision for found in script.walk_revisions()]
    assert newest_first == [f"{number:04}" for number in range(len(newest_first), 0, -1)]


def test_without_a_database_url_one_line_says_so() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
    done = subprocess.run(
        [sys.executable, "-m", "alembic", "upgrade", "head"],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.strip() == "rootnote: DATABASE_URL: Field required"
