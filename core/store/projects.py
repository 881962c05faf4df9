"""Projects, as far as errors need them: a key that stands for an id."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from core.store.database import Connection


async def ids_by_key(connection: Connection, keys: Sequence[str]) -> dict[str, UUID]:
    """The ids of those keys that exist."""
    cursor = await connection.execute("SELECT key, id FROM projects WHERE key = ANY(%s)", (list(keys),))
    return dict(await cursor.fetchall())


async def create_missing(connection: Connection, ids: dict[str, UUID]) -> None:
    """Create the projects whose key is new; `ids` proposes an id for each key."""
    await connection.execute(
        "INSERT INTO projects (id, key) SELECT * FROM unnest(%s::uuid[], %s::text[]) ORDER BY 2"
        " ON CONFLICT (key) DO NOTHING",
        (list(ids.values()), list(ids)),
    )
