"""What PostgreSQL does for something that is done often: its processor time, the pages it touches, its WAL.

All of it is one session's, counted by PostgreSQL and the kernel, so that it holds on a busy machine too.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import psycopg

from core.store.database import Connection, Database

_PAGES = "SELECT blks_hit + blks_read, blks_read FROM pg_stat_database WHERE datname = %s"


@dataclass(frozen=True, kw_only=True, slots=True)
class Cost:
    """Of one event, or of whatever is counted. `pages` of 8 KiB that were touched, in tables and indexes;
    `cold`: those that were not in shared buffers; `cpu` in microseconds, `wal` in bytes."""

    pages: float
    cold: float
    wal: float
    cpu: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Meter:
    """`database` has one connection; `watch` is one to another database: looking costs nothing here."""

    database: Database
    watch: psycopg.Connection
    name: str

    async def cost(self, work: Callable[[], Awaitable[object]], *, times: int, events: int = 1) -> Cost:
        """`work` done so often, after some times that do not count: statements are planned in these."""
        for _ in range(max(2, times // 8)):
            await work()
        before = await self._read()
        for _ in range(times):
            await work()
        after = await self._read()
        pages, cold, wal, cpu = (
            (now - then) / (times * events) for then, now in zip(before, after, strict=True)
        )
        return Cost(pages=pages, cold=cold, wal=wal, cpu=cpu / 1_000)

    async def _read(self) -> tuple[int, int, int, int]:
        """Pages, cold ones, bytes of WAL, nanoseconds of processor time."""

        async def flush(connection: Connection) -> int:
            await connection.execute("SELECT pg_stat_force_next_flush()")
            return connection.info.backend_pid

        pid = await self.database.autocommit(flush)
        touched = self.watch.execute(_PAGES, (self.name,)).fetchone()
        wal = self.watch.execute("SELECT pg_current_wal_insert_lsn() - '0/0'").fetchone()
        if touched is None or wal is None:
            raise RuntimeError(f"PostgreSQL knows nothing of {self.name}")
        return int(touched[0]), int(touched[1]), int(wal[0]), _nanoseconds(pid)


def _nanoseconds(pid: int) -> int:
    return int(Path(f"/proc/{pid}/schedstat").read_text().split()[0])
