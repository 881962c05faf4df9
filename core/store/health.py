"""What readiness asks the database, in one query."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from core.store import open_jobs
from core.store.database import Connection

HEAD = "0007"
"""The newest migration. A constant, since Lambda carries no alembic; a test holds it true."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StoreHealth:
    """`revision` is None on a database without our tables; ages are in seconds, None: never seen.

    A worker shows life by taking a canary, or by a job whose lease it keeps renewing.
    """

    is_writable: bool = True
    revision: str | None = None
    sweeper_age: float | None = None
    worker_age: float | None = None

    @property
    def has_schema(self) -> bool:
        """A newer schema counts: while a version is rolled out or back, older code works on it.

        Revisions are numbers that ascend; a test holds them to it.
        """
        return self.revision is not None and self.revision.isdecimal() and int(self.revision) >= int(HEAD)


async def look(connection: Connection) -> StoreHealth:
    # A standby, or a server that was set to read-only, still answers every question.
    cursor = await connection.execute(
        "SELECT to_regclass('alembic_version') IS NOT NULL,"
        " NOT current_setting('transaction_read_only')::boolean"
    )
    has_tables, is_writable = await cursor.fetchone() or (False, True)
    if not has_tables:
        return StoreHealth(is_writable=is_writable)
    cursor = await connection.execute(
        "SELECT (SELECT version_num FROM alembic_version),"  # noqa: S608  (constants only)
        " (SELECT extract(epoch FROM now() - seen_at)::float8 FROM heartbeats WHERE name = 'sweeper'),"
        f" CASE WHEN EXISTS (SELECT FROM jobs WHERE {open_jobs.LEASED} AND lease_until > now()) THEN 0"
        "  ELSE (SELECT extract(epoch FROM now() - seen_at) FROM heartbeats WHERE name = 'worker')"
        " END::float8"
    )
    row = await cursor.fetchone()
    if row is None:
        return StoreHealth(is_writable=is_writable)
    return StoreHealth(is_writable=is_writable, revision=row[0], sweeper_age=row[1], worker_age=row[2])


async def take_turn(connection: Connection, name: str, *, apart: timedelta) -> bool:
    """As `beat`, unless `name` was seen less than `apart` ago: then False."""
    cursor = await connection.execute(
        "INSERT INTO heartbeats (name) VALUES (%s) ON CONFLICT (name) DO UPDATE SET seen_at = now()"
        " WHERE heartbeats.seen_at NOT BETWEEN now() - %s AND now()",
        (name, apart),
    )
    return cursor.rowcount == 1


async def beat(connection: Connection, name: str) -> None:
    """Say that `name` is alive now."""
    await connection.execute(
        "INSERT INTO heartbeats (name) VALUES (%s) ON CONFLICT (name) DO UPDATE SET seen_at = now()", (name,)
    )


async def now(connection: Connection) -> datetime:
    """By PostgreSQL's clock, which all that it stores is dated by."""
    row = await (await connection.execute("SELECT now()")).fetchone()
    found: datetime = row[0] if row else datetime.now(UTC)
    return found
