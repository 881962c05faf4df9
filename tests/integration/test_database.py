"""A PostgreSQL that stops without a word."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from core.errors import StoreUnavailable
from core.store.database import Connection, Database
from infra.local.postgres import PostgresServer


async def test_a_frozen_server_is_given_up_on(tmp_path: Path) -> None:
    with PostgresServer(tmp_path / "data", durable=False) as server:
        database = Database(server.url, pool_size=1, timeout=2, work_seconds=1)

        async def backend(connection: Connection) -> int:
            row = await (await connection.execute("SELECT pg_backend_pid()")).fetchone()
            assert row is not None
            return int(row[0])

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
