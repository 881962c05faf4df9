"""Passwords that change while the process runs: PostgreSQL and Valkey with real ones, read over HTTP."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import redis
from pydantic import SecretStr

from core.aws import secrets
from core.aws.secrets import StoredSecret
from core.errors import QueueUnavailable, SecretUnavailable, StoreUnavailable
from core.queue.publisher import Publisher
from core.settings import Settings
from core.store.database import Connection, Database
from infra.local.postgres import PostgresServer
from infra.local.valkey import ValkeyServer
from tests.e2e.program import wait_until
from tests.fakes.secrets_and_queues import FakeAws

ID = "arn:aws:secretsmanager:eu-central-1:000000000000:secret:database"


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[PostgresServer]:
    """A PostgreSQL that asks for a password; it is `first`."""
    with PostgresServer(tmp_path / "postgres", durable=False) as server:
        set_password(server.url, "first")
        (server.data_dir / "pg_hba.conf").write_text("host all rootnote 127.0.0.1/32 scram-sha-256\n")
        pid = int((server.data_dir / "postmaster.pid").read_text().splitlines()[0])
        os.kill(pid, signal.SIGHUP)
        wait_until(lambda: not _lets_in(server.url), 10, "PostgreSQL asks for a password")
        yield server


def _lets_in(url: str) -> bool:
    try:
        with psycopg.connect(url):
            return True
    except psycopg.OperationalError:
        return False


def set_password(url: str, new: str, *, old: str | None = None) -> None:
    """Changes it as a rotation does, and ends the connections that were made with the old one."""
    with psycopg.connect(url, password=old, autocommit=True) as connection:
        connection.execute(f"ALTER ROLE rootnote PASSWORD '{new}'")
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE usename = 'rootnote' AND pid <> pg_backend_pid()"
        )


async def _one(connection: Connection) -> int:
    cursor = await connection.execute("SELECT 1")
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def test_a_rotated_database_password_is_read_again(aws: FakeAws, guarded: PostgresServer) -> None:
    clock = Clock()
    aws.secrets[ID] = {"username": "rootnote", "password": "first"}
    secret = StoredSecret(ID, max_age=300, clock=clock)
    database = Database(guarded.url, pool_size=1, timeout=4, secret=secret)
    try:
        assert await database.autocommit(_one) == 1
        assert await database.autocommit(_one) == 1
        assert aws.reads == [ID]

        set_password(guarded.url, "second:/@%", old="first")
        aws.secrets[ID] = {"username": "rootnote", "password": "second:/@%"}
        assert await database.autocommit(_one) == 1
        assert aws.reads == [ID, ID]
    finally:
        await database.aclose()


async def test_a_wrong_secret_is_no_flood(aws: FakeAws, guarded: PostgresServer) -> None:
    aws.secrets[ID] = {"username": "rootnote", "password": "wrong"}
    clock = Clock()
    secret = StoredSecret(ID, max_age=300, clock=clock)
    database = Database(guarded.url, pool_size=1, timeout=2, secret=secret)
    try:
        with pytest.raises(StoreUnavailable):
            await database.autocommit(_one)
        with pytest.raises(StoreUnavailable):
            await database.autocommit(_one)
    finally:
        await database.aclose()
    # Once to know it, and once more as it was refused.
    assert aws.reads == [ID, ID]


async def test_a_server_that_is_away_is_not_asked_about_its_password(aws: FakeAws) -> None:
    aws.secrets[ID] = {"username": "rootnote", "password": "first"}
    clock = Clock()
    database = Database(
        "postgresql://127.0.0.1:9/rootnote",
        pool_size=1,
        timeout=2,
        secret=StoredSecret(ID, max_age=300, clock=clock),
    )
    try:
        clock.now += 60
        with pytest.raises(StoreUnavailable):
            await database.autocommit(_one)
    finally:
        await database.aclose()
    assert aws.reads == [ID]


async def test_a_rotated_redis_password_is_read_again(aws: FakeAws, tmp_path: Path) -> None:
    clock = Clock()
    aws.secrets[ID] = {"password": "first"}
    with ValkeyServer(tmp_path / "valkey") as server:
        with redis.Redis.from_url(server.url) as admin:
            admin.config_set("requirepass", "first")
        publisher = Publisher(server.url, timeout=1, secret=StoredSecret(ID, max_age=300, clock=clock))
        try:
            assert await publisher.depths(["ai_analysis"]) == [0]
            with redis.Redis.from_url(server.url, password="first") as admin:
                admin.config_set("requirepass", "second")
                admin.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
            with pytest.raises(QueueUnavailable):
                await publisher.depths(["ai_analysis"])
            aws.secrets[ID] = {"password": "second"}
            clock.now += 6
            assert await publisher.depths(["ai_analysis"]) == [0]
        finally:
            await publisher.aclose()


def test_the_last_known_secret_serves_while_secrets_manager_is_away(aws: FakeAws) -> None:
    clock = Clock()
    aws.secrets[ID] = {"password": "first"}
    secret = StoredSecret(ID, max_age=300, clock=clock)
    assert secret.read() == {"password": "first"}
    clock.now += 301
    aws.refuses = True
    assert secret.read() == {"password": "first"}
    aws.refuses = False
    aws.secrets[ID] = {"password": "second"}
    clock.now += 301
    assert secret.read() == {"password": "second"}


def test_what_is_wrong_with_a_secret_is_said_without_it(aws: FakeAws) -> None:
    with pytest.raises(SecretUnavailable, match="ResourceNotFoundException"):
        StoredSecret("missing", max_age=300).read()


def test_urls_for_those_who_take_nothing_else(aws: FakeAws) -> None:
    aws.secrets[ID] = {"username": "rootnote", "password": "p@ss:/%"}
    settings = Settings(
        database_url=SecretStr("postgresql://db.internal:5432/rootnote?sslmode=require"),
        database_secret=ID,
        redis_url=SecretStr("rediss://cache.internal:6379/0?ssl_cert_reqs=required"),
        redis_secret=ID,
    )
    assert secrets.database_url(settings) == (
        "postgresql://rootnote:p%40ss%3A%2F%25@db.internal:5432/rootnote?sslmode=require"
    )
    assert secrets.redis_url(settings) == (
        "rediss://rootnote:p%40ss%3A%2F%25@cache.internal:6379/0?ssl_cert_reqs=required"
    )


def test_a_reading_that_failed_is_not_tried_again_by_each_who_waited(aws: FakeAws) -> None:
    clock = Clock()
    secret = StoredSecret("missing", max_age=300, clock=clock)
    for _ in range(3):
        with pytest.raises(SecretUnavailable):
            secret.read()
    assert aws.reads == ["missing"]
    clock.now += 6
    aws.secrets["missing"] = {"password": "here now"}
    assert secret.read() == {"password": "here now"}
