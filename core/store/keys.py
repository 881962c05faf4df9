"""API keys, kept as hashes only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from psycopg.errors import UniqueViolation

from core.domain.access import Scope
from core.errors import Conflict, NotFound
from core.store.database import Connection


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredKey:
    """`project_id` and `project_key` None: good for every project. `ingest_rate` in events a minute.

    `seconds_left` None: it does not end.
    """

    id: UUID
    scope: Scope
    project_id: UUID | None
    project_key: str | None
    ingest_rate: int | None
    seconds_left: float | None


_IS_VALID = "k.revoked_at IS NULL AND (k.expires_at IS NULL OR k.expires_at > now())"


async def find_valid(connection: Connection, key_hash: str) -> StoredKey | None:
    """The key with this sha-256, unless it is revoked or has expired by PostgreSQL's clock."""
    cursor = await connection.execute(
        "SELECT k.id, k.scope, k.project_id, p.key, k.ingest_rate,"  # noqa: S608  (constants only)
        " extract(epoch FROM k.expires_at - now())::float8"
        " FROM api_keys k LEFT JOIN projects p ON p.id = k.project_id"
        f" WHERE k.hash = %s AND {_IS_VALID}",
        (key_hash,),
    )
    row = await cursor.fetchone()
    if row is None:
        return None
    return StoredKey(
        id=row[0],
        scope=Scope(row[1]),
        project_id=row[2],
        project_key=row[3],
        ingest_rate=row[4],
        seconds_left=row[5],
    )


async def add(
    connection: Connection,
    *,
    key_id: UUID,
    key_hash: str,
    scope: Scope,
    project_id: UUID | None,
    name: str,
    ingest_rate: int | None = None,
    expires_at: datetime | None = None,
) -> None:
    """Nothing happens where the id is there already. Raises Conflict where another id has the hash."""
    try:
        await connection.execute(
            "INSERT INTO api_keys (id, hash, scope, project_id, name, ingest_rate, expires_at)"
            " VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO NOTHING",
            (key_id, key_hash, scope, project_id, name, ingest_rate, expires_at),
        )
    except UniqueViolation as exc:
        raise Conflict("this key is stored already") from exc


async def revoke(connection: Connection, key_id: UUID) -> bool:
    """False: there is no such key, or it was revoked before."""
    cursor = await connection.execute(
        "UPDATE api_keys SET revoked_at = now() WHERE id = %s AND revoked_at IS NULL", (key_id,)
    )
    return cursor.rowcount == 1


async def replace(
    connection: Connection,
    key_id: UUID,
    *,
    new_id: UUID,
    new_hash: str,
    expires_at: datetime | None,
    overlap: timedelta,
) -> datetime:
    """Add a key that may do what `key_id` may, and let that one end after `overlap` at the latest.

    Gives the old one's end. Without `expires_at` the new one lives as long as the old one was given.
    Raises NotFound for a key that is not valid, Conflict for one that was replaced before by another.
    """
    cursor = await connection.execute(
        "WITH old AS (SELECT k.* FROM api_keys k"  # noqa: S608  (constants only)
        f" WHERE k.id = %(old)s AND {_IS_VALID} AND k.replaced_by IS NULL FOR UPDATE),"
        " made AS (INSERT INTO api_keys (id, hash, scope, project_id, name, ingest_rate, expires_at)"
        " SELECT %(new)s, %(hash)s, scope, project_id, name, ingest_rate,"
        " coalesce(%(expires)s::timestamptz, now() + (expires_at - created_at)) FROM old RETURNING id)"
        " UPDATE api_keys k SET replaced_by = made.id, expires_at = least(k.expires_at, now() + %(overlap)s)"
        " FROM old, made WHERE k.id = old.id RETURNING k.expires_at",
        {"old": key_id, "new": new_id, "hash": new_hash, "expires": expires_at, "overlap": overlap},
    )
    row = await cursor.fetchone()
    if row is not None:
        return _time(row[0])
    cursor = await connection.execute("SELECT replaced_by, expires_at FROM api_keys WHERE id = %s", (key_id,))
    row = await cursor.fetchone()
    if row is not None and row[0] == new_id:
        # A commit whose answer was lost: it is done.
        return _time(row[1])
    if row is not None and row[0] is not None:
        raise Conflict(f"key {key_id} was rotated before, to {row[0]}")
    raise NotFound(f"no key {key_id} that is valid")


def _time(value: object) -> datetime:
    assert isinstance(value, datetime)  # noqa: S101  (a replaced key has an end)
    return value


@dataclass(frozen=True, kw_only=True, slots=True)
class KeyView:
    """All that is known of a key: never the key. `project_key` None: good for every project."""

    id: UUID
    scope: Scope
    project_key: str | None
    name: str
    ingest_rate: int | None
    created_at: datetime
    revoked_at: datetime | None
    expires_at: datetime | None
    replaced_by: UUID | None

    def state(self, now: datetime) -> str:
        """`revoked`, `expired` or `valid`."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at is not None and self.expires_at <= now else "valid"


async def all_keys(connection: Connection) -> list[KeyView]:
    """Newest first, those that ended too."""
    cursor = await connection.execute(
        "SELECT k.id, k.scope, p.key, k.name, k.ingest_rate, k.created_at, k.revoked_at, k.expires_at,"
        " k.replaced_by FROM api_keys k LEFT JOIN projects p ON p.id = k.project_id"
        " ORDER BY k.created_at DESC, k.id"
    )
    return [
        KeyView(
            id=row[0],
            scope=Scope(row[1]),
            project_key=row[2],
            name=row[3],
            ingest_rate=row[4],
            created_at=row[5],
            revoked_at=row[6],
            expires_at=row[7],
            replaced_by=row[8],
        )
        for row in await cursor.fetchall()
    ]
