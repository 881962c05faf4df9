"""Projects as events name them. Apart from what people say of projects, which no event needs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from core.store.database import Connection


@dataclass(frozen=True, kw_only=True, slots=True)
class Addressed:
    """What ingest needs of the project that an event names."""

    id: UUID
    ingest_rate: int | None


async def addressed_by(connection: Connection, keys: Sequence[str]) -> dict[str, Addressed]:
    """Those of the keys that exist."""
    cursor = await connection.execute(
        "SELECT key, id, ingest_rate FROM projects WHERE key = ANY(%s)", (list(keys),)
    )
    return {key: Addressed(id=id_, ingest_rate=rate) for key, id_, rate in await cursor.fetchall()}


async def create_missing(connection: Connection, ids: dict[str, UUID]) -> None:
    """Create the projects whose key is new; `ids` proposes an id for each key."""
    await connection.execute(
        "INSERT INTO projects (id, key) SELECT * FROM unnest(%s::uuid[], %s::text[]) ORDER BY 2"
        " ON CONFLICT (key) DO NOTHING",
        (list(ids.values()), list(ids)),
    )
