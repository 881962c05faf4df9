"""API keys, kept as hashes only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.errors import UniqueViolation

from core.domain.access import Scope
from core.errors import Conflict
from core.store.database import Connection


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredKey:
    """`project_id` and `project_key` None: good for every project. `ingest_rate` in events a minute."""

    id: UUID
    scope: Scope
    project_id: UUID | None
    project_key: str | None
    ingest_rate: int | None


async def find_valid(connection: Connection, key_hash: str) -> StoredKey | None:
    """The key with this sha-256, unless it is revoked."""
    cursor = await connection.execute(
        "SELECT k.id, k.scope, k.project_id, p.key, k.ingest_rate FROM api_keys k"
        " LEFT JOIN projects p ON p.id = k.project_id WHERE k.hash = %s AND k.revoked_at IS NULL",
        (key_hash,),
    )
    row = await cursor.fetchone()
    if row is None:
        return None
    return StoredKey(
        id=row[0], scope=Scope(row[1]), project_id=row[2], project_key=row[3], ingest_rate=row[4]
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
) -> None:
    """Nothing happens where the id is there already. Raises Conflict where another id has the hash."""
    try:
        await connection.execute(
            "INSERT INTO api_keys (id, hash, scope, project_id, name, ingest_rate)"
            " VALUES (%s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO NOTHING",
            (key_id, key_hash, scope, project_id, name, ingest_rate),
        )
    except UniqueViolation as exc:
        raise Conflict("this key is stored already") from exc


async def revoke(connection: Connection, key_id: UUID) -> bool:
    """False: there is no such key, or it was revoked before."""
    cursor = await connection.execute(
        "UPDATE api_keys SET revoked_at = now() WHERE id = %s AND revoked_at IS NULL", (key_id,)
    )
    return cursor.rowcount == 1


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


async def all_keys(connection: Connection) -> list[KeyView]:
    """Newest first, revoked ones too."""
    cursor = await connection.execute(
        "SELECT k.id, k.scope, p.key, k.name, k.ingest_rate, k.created_at, k.revoked_at FROM api_keys k"
        " LEFT JOIN projects p ON p.id = k.project_id ORDER BY k.created_at DESC, k.id"
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
        )
        for row in await cursor.fetchall()
    ]
