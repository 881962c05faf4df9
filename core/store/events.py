"""Reading events."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from core.domain.page import Cursor, Page, page_of
from core.store.database import Connection


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredAnalysis:
    analysis_text: str
    model: str
    confidence: float
    detail: dict[str, Any]
    prompt_version: str
    reused_from: UUID | None
    created_at: datetime


@dataclass(frozen=True, kw_only=True, slots=True)
class EventView:
    id: UUID
    project_key: str
    group_id: UUID
    status_code: int
    payload: dict[str, Any]
    occurred_at: datetime
    received_at: datetime
    analysis: StoredAnalysis | None


_LONG_BYTES = 16_000
"""On a page, what is longer shows its message and the beginning of its stack: 200 events of a megabyte
each would be one answer of 200 MB."""

_SHORTENED = f"""
CASE WHEN octet_length(e.payload::text) <= {_LONG_BYTES} THEN e.payload ELSE
  (e.payload - 'extra') || jsonb_strip_nulls(jsonb_build_object(
    'message', left(e.payload->>'message', 4000), 'stack', left(e.payload->>'stack', 8000),
    'path', left(e.payload->>'path', 2000), 'is_shortened', true)) END
"""

_VIEW = """
SELECT e.id, p.key, e.group_id, e.status_code, {payload}, e.occurred_at, e.received_at,
       a.analysis_text, a.model, a.confidence, a.detail, a.prompt_version, a.reused_from, a.created_at
FROM error_events e
JOIN projects p ON p.id = e.project_id
LEFT JOIN error_analysis a ON a.error_event_id = e.id
"""


def _view(row: tuple[Any, ...]) -> EventView:
    id_, key, group_id, status_code, payload, occurred_at, received_at, *analysis = row
    return EventView(
        id=id_,
        project_key=key,
        group_id=group_id,
        status_code=status_code,
        payload=payload,
        occurred_at=occurred_at,
        received_at=received_at,
        analysis=analysis_of(analysis),
    )


def analysis_of(columns: list[Any]) -> StoredAnalysis | None:
    """From text, model, confidence, detail, prompt_version, reused_from, created_at, or all None."""
    if columns[0] is None:
        return None
    text, model, confidence, detail, prompt_version, reused_from, created_at = columns
    return StoredAnalysis(
        analysis_text=text,
        model=model,
        confidence=confidence,
        detail=detail,
        prompt_version=prompt_version,
        reused_from=reused_from,
        created_at=created_at,
    )


async def find(connection: Connection, event_id: UUID, *, project_id: UUID | None) -> EventView | None:
    """`project_id` None: whichever project."""
    cursor = await connection.execute(
        _VIEW.format(payload="e.payload") + "WHERE e.id = %s AND e.project_id = coalesce(%s, e.project_id)",
        (event_id, project_id),
    )
    row = await cursor.fetchone()
    return _view(row) if row else None


async def newest(
    connection: Connection,
    *,
    project_id: UUID | None,
    group_id: UUID | None,
    after: Cursor | None,
    limit: int,
) -> Page[EventView]:
    """Events, newest first, long ones shortened; each filter that is None lets everything through."""
    filters, values = ["true"], dict[str, object](limit=limit + 1)
    if group_id is not None:
        filters.append("group_id = %(group)s")
        values["group"] = group_id
    if project_id is not None:
        filters.append("project_id = %(project)s")
        values["project"] = project_id
    if after is not None:
        filters.append("(received_at, id) < (%(at)s, %(id)s)")
        values |= {"at": after.at, "id": after.id}
    # The page is cut before the joins: else the planner may join first and sort a million rows.
    page = (
        f"SELECT id FROM error_events WHERE {' AND '.join(filters)}"  # noqa: S608  (constants only)
        " ORDER BY received_at DESC, id DESC LIMIT %(limit)s"
    )
    cursor = await connection.execute(
        _VIEW.format(payload=_SHORTENED) + f"WHERE e.id IN ({page}) ORDER BY e.received_at DESC, e.id DESC",
        values,
    )
    views = [_view(row) for row in await cursor.fetchall()]
    return page_of(views, limit, lambda view: Cursor(at=view.received_at, id=view.id))
