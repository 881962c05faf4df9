"""The schema in code, the migrations, and what readiness believes, held together."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from alembic.config import Config
from alembic.script import ScriptDirectory

from core.store import health
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


def test_down_and_up_again(database_url: str) -> None:
    assert alembic(database_url, "downgrade", "base").returncode == 0
    migrate(database_url)
    assert alembic(database_url, "check").returncode == 0


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
