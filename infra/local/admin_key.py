"""An API key for whoever tries a deployment on this machine, and the project that the event to try is of."""

from __future__ import annotations

from pathlib import Path
from uuid import NAMESPACE_OID, uuid5

from core.domain.access import Scope, hash_key, new_key
from core.domain.ids import new_id
from core.operations import keys
from core.operations.connections import run_connected
from core.queue.publisher import Publisher
from core.store import addressed
from core.store.database import Database
from infra.local.environment import write_private

PROJECT = "test"
"""Of `infra.local.welcome.EVENT`."""


def admin_key(path: Path) -> str:
    """Made at first use; only its owner may read it."""
    if not path.exists():
        write_private(path, f"{new_key()}\n")
    return path.read_text().strip()


def register(key: str, *, name: str) -> None:
    """In the database of this process's own settings, which may be another one than last time.

    The key's id is of the key, so twice is as once.
    """
    key_hash = hash_key(key)

    async def work(database: Database, _: Publisher) -> None:
        await keys.add_hash(
            key_id=uuid5(NAMESPACE_OID, key_hash),
            key_hash=key_hash,
            scope=Scope.ADMIN,
            project_key=None,
            name=name,
            database=database,
        )
        # With keys, unlike without, an event does not make its project.
        await database.autocommit(
            lambda connection: addressed.create_missing(connection, {PROJECT: new_id()})
        )

    run_connected(work)
