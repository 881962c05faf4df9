"""Projects: a key that stands for an id, a text to describe, and what people say of it themselves."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from psycopg.errors import UniqueViolation

from core.domain.metadata import ProjectText, TagMerge, TagVocabulary
from core.domain.page import Cursor, Page, page_of
from core.errors import Conflict
from core.store.database import Connection


@dataclass(frozen=True, kw_only=True, slots=True)
class ProjectFields:
    """What people write of a project. `summary`, `tags`, `category` and `keywords` are theirs and are
    never overwritten; budgets in USD, None: only the caps of all projects; `ingest_rate` in events a
    minute, None: as the settings say."""

    key: str
    title: str = ""
    description: str = ""
    content: str = ""
    language: str | None = None
    status: str = "published"
    summary: str | None = None
    tags: tuple[str, ...] = ()
    category: str | None = None
    keywords: tuple[str, ...] = ()
    tag_vocabulary: TagVocabulary = TagVocabulary.FREE
    tag_merge: TagMerge = TagMerge.APPEND
    output_language: str | None = None
    instructions: str | None = None
    budget_day_usd: float | None = None
    budget_month_usd: float | None = None
    ingest_rate: int | None = None

    @property
    def text(self) -> ProjectText:
        return ProjectText(
            title=self.title, description=self.description, content=self.content, language=self.language
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Project:
    id: UUID
    number: int
    fields: ProjectFields
    created_at: datetime
    updated_at: datetime


_OWN = (
    "key",
    "title",
    "description",
    "content",
    "language",
    "status",
    "summary",
    "tags",
    "category",
    "keywords",
    "tag_vocabulary",
    "tag_merge",
    "output_language",
    "instructions",
    "budget_day_usd",
    "budget_month_usd",
    "ingest_rate",
)
COLUMNS = ", ".join(("id", "number", "created_at", "updated_at", *_OWN))


def project_of(row: Sequence[Any]) -> Project:
    """From the columns of `COLUMNS`."""
    id_, number, created_at, updated_at, *own = row
    values = dict(zip(_OWN, own, strict=True))
    values |= {
        "tags": tuple(values["tags"]),
        "keywords": tuple(values["keywords"]),
        "tag_vocabulary": TagVocabulary(values["tag_vocabulary"]),
        "tag_merge": TagMerge(values["tag_merge"]),
    }
    for budget in ("budget_day_usd", "budget_month_usd"):
        values[budget] = None if values[budget] is None else float(values[budget])
    return Project(
        id=id_, number=number, fields=ProjectFields(**values), created_at=created_at, updated_at=updated_at
    )


async def find(connection: Connection, project_id: UUID) -> Project | None:
    cursor = await connection.execute(f"SELECT {COLUMNS} FROM projects WHERE id = %s", (project_id,))  # noqa: S608  (constants only)
    row = await cursor.fetchone()
    return project_of(row) if row else None


async def put(
    connection: Connection,
    project_id: UUID,
    fields: ProjectFields,
    *,
    keeps_key: bool = False,
    keeps: Collection[str] = (),
) -> bool:
    """Write all of a project's own fields. True: it is new.

    A key is for ever, since events are sent to it from afar: another one than the project has is a
    Conflict, as is one that another project has. With `keeps_key` it stays as it is, if it is there;
    the fields named in `keeps` do too.
    """
    kept = {"key", *keeps}
    values = [_sql_value(getattr(fields, name)) for name in _OWN]
    changed = ", ".join(f"{name} = excluded.{name}" for name in _OWN if name not in kept)
    marks = ", ".join(["%s"] * len(_OWN))
    sql = (
        f"INSERT INTO projects AS p (id, {', '.join(_OWN)}) VALUES (%s, {marks})"  # noqa: S608  (constants only)
        f" ON CONFLICT (id) DO UPDATE SET {changed}, updated_at = now()"
        " WHERE %s OR p.key = excluded.key RETURNING xmax = 0"
    )
    try:
        cursor = await connection.execute(sql, (project_id, *values, keeps_key))
    except UniqueViolation as exc:
        raise Conflict(f"the key {fields.key!r} is another project's") from exc
    row = await cursor.fetchone()
    if row is None:
        raise Conflict("a project's key cannot be changed: services send their errors to it")
    return bool(row[0])


def _sql_value(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


async def delete(connection: Connection, project_id: UUID) -> bool:
    """With its groups, events, analyses, jobs, metadata and keys. The ledger's rows stay."""
    cursor = await connection.execute("DELETE FROM projects WHERE id = %s RETURNING id", (project_id,))
    return await cursor.fetchone() is not None


async def newest(
    connection: Connection, *, project_id: UUID | None, after: Cursor | None, limit: int
) -> Page[Project]:
    """Newest first. `project_id`: this one only."""
    filters, values = ["true"], dict[str, object](limit=limit + 1)
    if project_id is not None:
        filters.append("id = %(project)s")
        values["project"] = project_id
    if after is not None:
        filters.append("(created_at, id) < (%(at)s, %(id)s)")
        values |= {"at": after.at, "id": after.id}
    cursor = await connection.execute(
        f"SELECT {COLUMNS} FROM projects WHERE {' AND '.join(filters)}"  # noqa: S608  (constants only)
        " ORDER BY created_at DESC, id DESC LIMIT %(limit)s",
        values,
    )
    found = [project_of(row) for row in await cursor.fetchall()]
    return page_of(found, limit, lambda project: Cursor(at=project.created_at, id=project.id))


async def ids_by_key(connection: Connection, keys: Sequence[str]) -> dict[str, UUID]:
    """The ids of those keys that exist."""
    cursor = await connection.execute("SELECT key, id FROM projects WHERE key = ANY(%s)", (list(keys),))
    return dict(await cursor.fetchall())


async def count(connection: Connection) -> int:
    cursor = await connection.execute("SELECT count(*) FROM projects")
    row = await cursor.fetchone()
    return int(row[0]) if row else 0
