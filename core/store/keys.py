"""API keys, kept as hashes only."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from core.domain.access import Scope
from core.store.database import Connection


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredKey:
    """`project_id` None: good for every project."""

    id: UUID
    scope: Scope
    project_id: UUID | None


async def find_valid(connection: Connection, key_hash: str) -> StoredKey | None:
    """The key with this sha-256, unless it is revoked."""
    cursor = await connection.execute(
        "SELECT id, scope, project_id FROM api_keys WHERE hash = %s AND revoked_at IS NULL", (key_hash,)
    )
    row = await cursor.fetchone()
    return StoredKey(id=row[0], scope=Scope(row[1]), project_id=row[2]) if row else None


async def add(
    connection: Connection, *, key_id: UUID, key_hash: str, scope: Scope, project_id: UUID | None, name: str
) -> None:
    await connection.execute(
        "INSERT INTO api_keys (id, hash, scope, project_id, name) VALUES (%s, %s, %s, %s, %s)",
        (key_id, key_hash, scope, project_id, name),
    )


async def revoke(connection: Connection, key_id: UUID) -> bool:
    """False: there is no such key, or it was revoked before."""
    cursor = await connection.execute(
        "UPDATE api_keys SET revoked_at = now() WHERE id = %s AND revoked_at IS NULL", (key_id,)
    )
    return cursor.rowcount == 1
