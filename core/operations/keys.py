"""Making and revoking API keys."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from core.domain.access import Scope, hash_key, new_key
from core.domain.ids import new_id
from core.errors import FieldProblem, InvalidInput, NotFound
from core.store import keys, projects
from core.store.database import Connection, Database


@dataclass(frozen=True, kw_only=True, slots=True)
class NewKey:
    """`key` is shown this once: only its hash is kept."""

    id: UUID
    key: str


async def create(*, scope: Scope, project_key: str | None, name: str, database: Database) -> NewKey:
    """`project_key` None: good for every project. Raises InvalidInput for a project that does not exist."""
    made = NewKey(id=new_id(), key=new_key())

    async def add(connection: Connection) -> None:
        project_id = None
        if project_key is not None:
            project_id = (await projects.ids_by_key(connection, [project_key])).get(project_key)
            if project_id is None:
                raise InvalidInput(FieldProblem(field="project_key", message="is no project's key"))
        await keys.add(
            connection,
            key_id=made.id,
            key_hash=hash_key(made.key),
            scope=scope,
            project_id=project_id,
            name=name,
        )

    await database.autocommit(add)
    return made


async def revoke(key_id: UUID, *, database: Database) -> None:
    """Raises NotFound where there is none, or it was revoked before."""
    if not await database.autocommit(lambda connection: keys.revoke(connection, key_id)):
        raise NotFound(f"no key {key_id} that is not revoked already")
