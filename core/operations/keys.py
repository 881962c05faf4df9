"""Making and revoking API keys."""

from __future__ import annotations

import re
from dataclasses import dataclass
from uuid import UUID

from core.domain.access import Scope, hash_key, new_key
from core.domain.ids import new_id
from core.errors import FieldProblem, InvalidInput, NotFound
from core.store import keys, projects
from core.store.database import Connection, Database

_IS_HASH = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True, slots=True)
class NewKey:
    """`key` is shown this once: only its hash is kept."""

    id: UUID
    key: str


async def create(
    *, scope: Scope, project_key: str | None, name: str, database: Database, ingest_rate: int | None = None
) -> NewKey:
    """`project_key` None: good for every project; `ingest_rate` (events a minute) None: as the settings say.

    Raises InvalidInput for a project that does not exist.
    """
    made = NewKey(id=new_id(), key=new_key())
    await add_hash(
        key_id=made.id,
        key_hash=hash_key(made.key),
        scope=scope,
        project_key=project_key,
        name=name,
        ingest_rate=ingest_rate,
        database=database,
    )
    return made


async def add_hash(
    *,
    key_id: UUID,
    key_hash: str,
    scope: Scope,
    project_key: str | None,
    name: str,
    database: Database,
    ingest_rate: int | None = None,
) -> None:
    """Store a key that was made elsewhere, which then need not come here itself.

    `key_hash` as `hash_key` writes it. Doing it twice changes nothing. Raises InvalidInput, also for a
    project that does not exist, and Conflict where another id has this hash.
    """
    if not _IS_HASH.fullmatch(key_hash):
        raise InvalidInput(FieldProblem(field="sha256", message="must be 64 lower-case hexadecimal digits"))

    async def add(connection: Connection) -> None:
        project_id = None
        if project_key is not None:
            project_id = (await projects.ids_by_key(connection, [project_key])).get(project_key)
            if project_id is None:
                raise InvalidInput(FieldProblem(field="project_key", message="is no project's key"))
        await keys.add(
            connection,
            key_id=key_id,
            key_hash=key_hash,
            scope=scope,
            project_id=project_id,
            name=name,
            ingest_rate=ingest_rate,
        )

    await database.autocommit(add)


async def revoke(key_id: UUID, *, database: Database) -> None:
    """Raises NotFound where there is none, or it was revoked before."""
    if not await database.autocommit(lambda connection: keys.revoke(connection, key_id)):
        raise NotFound(f"no key {key_id} that is not revoked already")
