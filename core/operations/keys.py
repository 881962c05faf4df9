"""Making, rotating and revoking API keys."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from core.domain.access import Scope, hash_key, new_key
from core.domain.ids import new_id
from core.errors import FieldProblem, InvalidInput, NotFound
from core.store import keys, projects
from core.store.database import Connection, Database

OVERLAP = timedelta(days=1)
"""How long a rotated key works beside its successor, unless said: time to hand the new one out."""
LONGEST_OVERLAP = timedelta(days=30)
LONGEST_LIFE = timedelta(days=3_650)
_IS_HASH = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True, slots=True)
class NewKey:
    """`key` is shown this once: only its hash is kept."""

    id: UUID
    key: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Rotated:
    """`made` takes the old key's place, which ends at `old_ends_at`."""

    made: NewKey
    old_ends_at: datetime


async def create(
    *,
    scope: Scope,
    project_key: str | None,
    name: str,
    database: Database,
    ingest_rate: int | None = None,
    expires_at: datetime | None = None,
) -> NewKey:
    """`project_key` None: good for every project; `ingest_rate` (events a minute) None: as the settings say;
    `expires_at` None: until it is revoked.

    Raises InvalidInput for a project that does not exist, and for an end that is past or far off.
    """
    _check_end(expires_at)
    made = NewKey(id=new_id(), key=new_key())
    await add_hash(
        key_id=made.id,
        key_hash=hash_key(made.key),
        scope=scope,
        project_key=project_key,
        name=name,
        ingest_rate=ingest_rate,
        database=database,
        expires_at=expires_at,
    )
    return made


async def rotate(
    key_id: UUID, *, overlap: timedelta, expires_at: datetime | None, database: Database
) -> Rotated:
    """A new key of the same scope, project and name; the old one ends after `overlap`, or sooner if it would.

    `expires_at` None: the new one lives as long as the old one was given, if that was for a time. Raises
    InvalidInput, NotFound for a key that is not valid, Conflict for one that was rotated before.
    """
    if not timedelta() <= overlap <= LONGEST_OVERLAP:
        message = f"must be 0 to {LONGEST_OVERLAP.days} days"
        raise InvalidInput(FieldProblem(field="overlap_seconds", message=message))
    _check_end(expires_at)
    made = NewKey(id=new_id(), key=new_key())
    old_ends_at = await database.serial(
        lambda connection: keys.replace(
            connection,
            key_id,
            new_id=made.id,
            new_hash=hash_key(made.key),
            expires_at=expires_at,
            overlap=overlap,
        )
    )
    return Rotated(made=made, old_ends_at=old_ends_at)


def _check_end(expires_at: datetime | None) -> None:
    now = datetime.now(UTC)
    if expires_at is not None and not now < expires_at <= now + LONGEST_LIFE:
        message = f"must lie in the future, at most {LONGEST_LIFE.days:,} days ahead"
        raise InvalidInput(FieldProblem(field="expires_at", message=message))


async def add_hash(
    *,
    key_id: UUID,
    key_hash: str,
    scope: Scope,
    project_key: str | None,
    name: str,
    database: Database,
    ingest_rate: int | None = None,
    expires_at: datetime | None = None,
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
            expires_at=expires_at,
        )

    await database.autocommit(add)


async def revoke(key_id: UUID, *, database: Database) -> None:
    """Raises NotFound where there is none, or it was revoked before."""
    if not await database.autocommit(lambda connection: keys.revoke(connection, key_id)):
        raise NotFound(f"no key {key_id} that is not revoked already")
