"""Generated metadata: read, written, and what of it is missing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from core.domain.job import JobKind
from core.domain.metadata import Metadata, TagVocabulary
from core.store.database import Connection, Cursor
from core.store.projects import COLUMNS, Project, project_of

VOCABULARY_SIZE = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredMetadata:
    """`content_hash` stands for all that decided the answer."""

    metadata: Metadata
    model: str
    prompt_version: str
    content_hash: str
    created_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """What a job is to describe. `vocabulary` is empty unless the project asks for existing tags."""

    project: Project
    stored: StoredMetadata | None
    vocabulary: tuple[str, ...]


_OWN = (
    "summary, tags, category, keywords, language, confidence, model, prompt_version, content_hash, created_at"
)


def _stored(row: tuple[Any, ...]) -> StoredMetadata | None:
    if row[0] is None:
        return None
    return StoredMetadata(
        metadata=Metadata(
            summary=row[0],
            tags=tuple(row[1]),
            category=row[2],
            keywords=tuple(row[3]),
            language=row[4],
            confidence=row[5],
        ),
        model=row[6],
        prompt_version=row[7],
        content_hash=row[8],
        created_at=row[9],
    )


async def find(connection: Connection, project_id: UUID) -> StoredMetadata | None:
    cursor = await connection.execute(
        f"SELECT {_OWN} FROM project_metadata WHERE project_id = %s",  # noqa: S608  (constants only)
        (project_id,),
    )
    row = await cursor.fetchone()
    return _stored(row) if row else None


_P_COLUMNS = ", ".join(f"p.{name.strip()}" for name in COLUMNS.split(","))
_M_COLUMNS = ", ".join(f"m.{name.strip()}" for name in _OWN.split(","))

# Tags that any project has, people's own or generated, the most used first.
_VOCABULARY = f"""
CASE WHEN p.tag_vocabulary = '{TagVocabulary.FREE}' THEN '{{}}'::text[] ELSE ARRAY(
  SELECT tag FROM (
    SELECT unnest(tags) AS tag FROM projects UNION ALL SELECT unnest(tags) FROM project_metadata) AS t
  GROUP BY tag ORDER BY count(*) DESC, tag LIMIT {VOCABULARY_SIZE}) END
"""  # noqa: S608  (constants only)


async def subject_of(connection: Connection, project_id: UUID) -> Cursor:
    """`read_subject` reads the answer."""
    return await connection.execute(
        f"SELECT {_P_COLUMNS}, {_VOCABULARY}, {_M_COLUMNS} FROM projects p"  # noqa: S608  (constants only)
        " LEFT JOIN project_metadata m ON m.project_id = p.id WHERE p.id = %s",
        (project_id,),
    )


async def read_subject(cursor: Cursor) -> Subject | None:
    """None: there is no such project."""
    row = await cursor.fetchone()
    if row is None:
        return None
    width = len(COLUMNS.split(","))
    return Subject(
        project=project_of(row[:width]),
        vocabulary=tuple(row[width]),
        stored=_stored(row[width + 1 :]),
    )


async def save(
    connection: Connection, project_id: UUID, found: Metadata, *, model: str, version: str, content_hash: str
) -> None:
    """Put it in the place of what was generated before; people's own fields are elsewhere."""
    await connection.execute(
        "INSERT INTO project_metadata (project_id, summary, tags, category, keywords, language, confidence,"
        " model, prompt_version, content_hash) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
        " ON CONFLICT (project_id) DO UPDATE SET summary = excluded.summary, tags = excluded.tags,"
        " category = excluded.category, keywords = excluded.keywords, language = excluded.language,"
        " confidence = excluded.confidence, model = excluded.model, created_at = now(),"
        " prompt_version = excluded.prompt_version, content_hash = excluded.content_hash",
        (
            project_id,
            found.summary,
            list(found.tags),
            found.category,
            list(found.keywords),
            found.language,
            found.confidence,
            model,
            version,
            content_hash,
        ),
    )


async def ids_missing(connection: Connection, *, after: UUID | None, limit: int) -> list[UUID]:
    """Published projects with a text and no metadata, by id, for which nothing is under way.

    One whose job failed, died or was skipped waits until its project is changed: a permanent failure
    is not retried by itself.
    """
    cursor = await connection.execute(
        "SELECT p.id FROM projects p"
        " LEFT JOIN project_metadata m ON m.project_id = p.id"
        " LEFT JOIN jobs j ON j.kind = %(kind)s AND j.subject_id = p.id"
        " WHERE m.project_id IS NULL AND p.status = 'published'"
        "   AND (p.title <> '' OR p.description <> '' OR p.content <> '')"
        "   AND (j.id IS NULL OR j.state = 'done'"
        "        OR (j.state IN ('failed', 'dead', 'skipped') AND j.finished_at < p.updated_at))"
        "   AND (%(after)s::uuid IS NULL OR p.id > %(after)s)"
        " ORDER BY p.id LIMIT %(limit)s",
        {"kind": JobKind.GENERATE_METADATA, "after": after, "limit": limit},
    )
    return [id_ for (id_,) in await cursor.fetchall()]


async def ids_all(connection: Connection, *, after: UUID | None, limit: int) -> list[UUID]:
    """Projects with a text, by id."""
    cursor = await connection.execute(
        "SELECT id FROM projects WHERE (title <> '' OR description <> '' OR content <> '')"
        " AND (%(after)s::uuid IS NULL OR id > %(after)s) ORDER BY id LIMIT %(limit)s",
        {"after": after, "limit": limit},
    )
    return [id_ for (id_,) in await cursor.fetchall()]


async def ids_failed(connection: Connection, *, after: UUID | None, limit: int) -> list[UUID]:
    """Projects whose job failed or died, by id."""
    cursor = await connection.execute(
        "SELECT subject_id FROM jobs WHERE kind = %(kind)s AND state IN ('failed', 'dead')"
        " AND (%(after)s::uuid IS NULL OR subject_id > %(after)s) ORDER BY subject_id LIMIT %(limit)s",
        {"kind": JobKind.GENERATE_METADATA, "after": after, "limit": limit},
    )
    return [id_ for (id_,) in await cursor.fetchall()]
