"""A PostgreSQL that stops without a word, refuses work, or breaks off in the middle."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from pathlib import Path

import psycopg
import pytest

from core import deadline
from core.errors import StoreUnavailable
from core.store.database import Connection, Database
from infra.local.postgres import PostgresServer
from tests.faults.proxy import Cut, Proxy


async def backend(connection: Connection) -> int:
    row = await (await connection.execute("SELECT pg_backend_pid()")).fetchone()
    assert row is not None
    return int(row[0])


async def write(connection: Connection) -> int:
    cursor = await connection.execute(
        "INSERT INTO heartbeats (name) VALUES ('test') ON CONFLICT (name) DO UPDATE SET seen_at = now()"
    )
    return cursor.rowcount


@pytest.fixture
def proxy(postgres: PostgresServer) -> Iterator[Proxy]:
    assert postgres.port is not None
    with Proxy(postgres.port) as running:
        yield running


@pytest.fixture
async def distant(database_url: str, postgres: PostgresServer, proxy: Proxy) -> AsyncIterator[Database]:
    """The database through the proxy."""
    url = database_url.replace(f":{postgres.port}/", f":{proxy.port}/")
    database = Database(url, pool_size=2, timeout=3)
    yield database
    proxy.pass_on()
    await database.aclose()


async def test_a_frozen_server_is_given_up_on(tmp_path: Path) -> None:
    with PostgresServer(tmp_path / "data", durable=False) as server:
        database = Database(server.url, pool_size=1, timeout=2, work_seconds=1)
        pid = await database.autocommit(backend)
        os.kill(pid, signal.SIGSTOP)
        try:
            began = time.monotonic()
            with pytest.raises(StoreUnavailable):
                await database.autocommit(backend)
            assert time.monotonic() - began < 30
        finally:
            os.kill(pid, signal.SIGCONT)
        await database.aclose()


async def test_a_read_only_server_is_unavailable_for_writing(
    database_url: str, caplog: pytest.LogCaptureFixture
) -> None:
    """As the old primary is after a failover: what finds it writable again is a new connection."""
    database = Database(database_url, pool_size=1, timeout=5)
    name = database_url.rsplit("/", 1)[1]
    read_only = "SET default_transaction_read_only = on"
    before = await database.autocommit(backend)
    await database.autocommit(lambda c: c.execute(read_only))
    assert await database.serial(write) == 1
    await database.autocommit(lambda c: c.execute(read_only))
    with psycopg.connect(database_url, autocommit=True) as direct:
        direct.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        # Each connection that refuses is closed; new ones of this database refuse as well.
        with pytest.raises(StoreUnavailable, match="read-only"):
            await database.transaction(write)
        assert [record.sqlstate for record in caplog.records if hasattr(record, "sqlstate")] == ["25006"]
        assert await database.autocommit(backend) != before
        direct.execute("SET default_transaction_read_only = off")
        direct.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")
    assert await database.serial(write) == 1
    await database.aclose()


async def test_a_server_with_no_connection_left(tmp_path: Path) -> None:
    with PostgresServer(tmp_path / "data", durable=False) as server, ExitStack() as others:
        database = Database(server.url, pool_size=1, timeout=1)
        taken = 0
        while taken < 200:
            try:
                others.enter_context(psycopg.connect(server.url))
            except psycopg.OperationalError:
                break
            taken += 1
        with pytest.raises(StoreUnavailable):
            await database.autocommit(backend)
        others.close()
        began = time.monotonic()
        while time.monotonic() - began < 20:
            try:
                assert await database.autocommit(backend)
                break
            except StoreUnavailable:
                continue
        else:
            pytest.fail("it does not come back")
        await database.aclose()


async def test_a_commit_whose_answer_is_lost_is_tried_again(distant: Database, proxy: Proxy) -> None:
    await distant.autocommit(backend)
    proxy.cut = cut = Cut(marker=b"COMMIT\0", is_said_by_client=False, times=1)
    ran = []

    async def noted(connection: Connection) -> int:
        ran.append(connection)
        return await write(connection)

    await distant.transaction(noted)
    assert (cut.done, len(ran)) == (1, 2)


async def test_a_deadline_ends_what_waits_for_a_silent_server(distant: Database, proxy: Proxy) -> None:
    await distant.autocommit(backend)
    proxy.swallow()
    for _ in range(2):
        began = time.monotonic()
        with deadline.within(0.5), pytest.raises(StoreUnavailable):
            await distant.autocommit(backend)
        assert time.monotonic() - began < 3
    proxy.pass_on()
    # So short a wait says nothing of the server: nobody rests after it.
    assert await distant.autocommit(backend)
