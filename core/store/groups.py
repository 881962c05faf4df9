"""Reading groups. Counts are derived: a count on the group's row would make a hot group serialise ingest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from core.domain.page import Cursor, Page, page_of
from core.store.database import Connection
from core.store.events import StoredAnalysis, analysis_of

COUNT_LIMIT = 1_000
"""Counting stops here: a page of groups must not read a million events to say "many". Each may cost a page
read of its own where the table has not been vacuumed lately."""


@dataclass(frozen=True, kw_only=True, slots=True)
class GroupView:
    """`event_count` is at most COUNT_LIMIT; there may be more."""

    id: UUID
    project_id: UUID
    project_key: str
    title: str
    status: str
    fingerprint: str
    fingerprint_version: int
    first_seen: datetime
    last_seen: datetime | None
    event_count: int
    job_state: str | None
    job_reason: str | None
    analysis: StoredAnalysis | None


_VIEW = """
SELECT g.id, g.project_id, p.key, g.title, g.status, g.fingerprint, g.fingerprint_version, g.first_seen,
       (SELECT received_at FROM error_events WHERE group_id = g.id
        ORDER BY received_at DESC, id DESC LIMIT 1),
       (SELECT count(*) FROM (SELECT FROM error_events WHERE group_id = g.id LIMIT %(most)s) AS counted),
       j.state, j.reason,
       a.analysis_text, a.model, a.confidence, a.detail, a.prompt_version, a.reused_from, a.created_at
FROM error_groups g
JOIN projects p ON p.id = g.project_id
LEFT JOIN LATERAL (
  SELECT * FROM error_analysis WHERE group_id = g.id AND reused_from IS NULL
  ORDER BY created_at DESC LIMIT 1
) a ON true
LEFT JOIN LATERAL (
  SELECT state, reason FROM jobs WHERE kind = 'analyse_group' AND subject_id = g.id
  ORDER BY created_at DESC LIMIT 1
) j ON true
"""


def _view(row: tuple[Any, ...]) -> GroupView:
    return GroupView(
        id=row[0],
        project_id=row[1],
        project_key=row[2],
        title=row[3],
        status=row[4],
        fingerprint=row[5],
        fingerprint_version=row[6],
        first_seen=row[7],
        last_seen=row[8],
        event_count=row[9],
        job_state=row[10],
        job_reason=row[11],
        analysis=analysis_of(list(row[12:])),
    )


async def find(connection: Connection, group_id: UUID, *, project_id: UUID | None) -> GroupView | None:
    cursor = await connection.execute(
        _VIEW + "WHERE g.id = %(id)s AND g.project_id = coalesce(%(project)s, g.project_id)",
        {"most": COUNT_LIMIT, "id": group_id, "project": project_id},
    )
    row = await cursor.fetchone()
    return _view(row) if row else None


async def newest(
    connection: Connection, *, project_id: UUID | None, after: Cursor | None, limit: int
) -> Page[GroupView]:
    """Groups by their first event, newest first."""
    filters, values = ["true"], dict[str, object](most=COUNT_LIMIT, limit=limit + 1)
    if project_id is not None:
        filters.append("project_id = %(project)s")
        values["project"] = project_id
    if after is not None:
        filters.append("(first_seen, id) < (%(at)s, %(id)s)")
        values |= {"at": after.at, "id": after.id}
    page = (
        f"SELECT id FROM error_groups WHERE {' AND '.join(filters)}"  # noqa: S608  (constants only)
        " ORDER BY first_seen DESC, id DESC LIMIT %(limit)s"
    )
    cursor = await connection.execute(
        _VIEW + f"WHERE g.id IN ({page}) ORDER BY g.first_seen DESC, g.id DESC", values
    )
    views = [_view(row) for row in await cursor.fetchall()]
    return page_of(views, limit, lambda view: Cursor(at=view.first_seen, id=view.id))


async def has_server_error(connection: Connection, group_id: UUID) -> bool:
    """Whether the group has an event worth an analysis."""
    cursor = await connection.execute(
        "SELECT EXISTS (SELECT FROM error_events WHERE group_id = %s AND status_code >= 500)", (group_id,)
    )
    row = await cursor.fetchone()
    return bool(row and row[0])
