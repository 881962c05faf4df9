"""Real servers for all tests: started once, a fresh database for each test."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest
import redis
from hypothesis import settings

from core.settings import Settings
from core.store.database import Database
from infra.local.postgres import PostgresServer
from infra.local.valkey import ValkeyServer

ROOT = Path(__file__).resolve().parents[1]

_numbers = itertools.count()

# The same examples each time, so that a gate that is red was made red by a change; `make fuzz` looks further.
settings.register_profile("gate", derandomize=True, deadline=None, database=None)
settings.register_profile("long", max_examples=10_000, deadline=None, print_blob=True)
settings.load_profile("gate")


@pytest.fixture(scope="session", autouse=True)
def _clean_environment() -> None:
    """A developer's keys and .env must not reach the tests."""
    for name in Settings.model_fields:
        os.environ.pop(name.upper(), None)


@pytest.fixture(scope="session")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgresServer]:
    with PostgresServer(tmp_path_factory.mktemp("postgres") / "data", durable=False) as server:
        migrate(server.create_database("template"))
        yield server


@pytest.fixture(scope="session")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    with ValkeyServer(tmp_path_factory.mktemp("valkey") / "data") as server:
        yield server


@pytest.fixture
def database_url(postgres: PostgresServer) -> str:
    """A migrated, empty database of the test's own."""
    return migrated_database(postgres, f"test_{next(_numbers)}")


def migrated_database(postgres: PostgresServer, name: str) -> str:
    """Makes an empty one of this name. Gives its URL."""
    with psycopg.connect(postgres.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE template")
    return postgres.url.rsplit("/", 1)[0] + f"/{name}"


@pytest.fixture
def redis_url(valkey: ValkeyServer) -> str:
    """An empty Redis."""
    with redis.Redis.from_url(valkey.url) as client:
        client.flushall()
    return valkey.url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, pool_size=4, timeout=5)
    yield database
    await database.aclose()


def migrate(url: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "alembic", "upgrade", "head"],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url},
        check=True,
        capture_output=True,
    )
