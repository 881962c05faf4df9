"""What was asked of models, and what it cost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from uuid import UUID

from core.store.database import Connection


@dataclass(frozen=True, kw_only=True, slots=True)
class UsageRow:
    """One project, model and UTC day. `unpriced_calls` are those whose price is not known."""

    day: date
    project_key: str | None
    provider: str
    model: str
    calls: int
    failed_calls: int
    unpriced_calls: int
    prompt_tokens: int
    cached_tokens: int
    completion_tokens: int
    cost_usd: float


async def by_day(
    connection: Connection, *, project_id: UUID | None, since: date, until: date
) -> list[UsageRow]:
    """Both days included, newest first. `project_id` None: every project."""
    cursor = await connection.execute(
        "SELECT (c.created_at AT TIME ZONE 'UTC')::date AS day, p.key, c.provider, c.model, count(*),"
        "  count(*) FILTER (WHERE c.outcome <> 'ok'), count(*) FILTER (WHERE c.cost_usd IS NULL),"
        "  sum(c.prompt_tokens), sum(c.cached_tokens), sum(c.completion_tokens),"
        "  coalesce(sum(c.cost_usd), 0)::float8"
        " FROM llm_calls c LEFT JOIN projects p ON p.id = c.project_id"
        " WHERE c.created_at >= %(since)s::timestamp AT TIME ZONE 'UTC'"
        "   AND c.created_at < (%(until)s::date + 1)::timestamp AT TIME ZONE 'UTC'"
        "   AND (%(project)s::uuid IS NULL OR c.project_id = %(project)s)"
        " GROUP BY 1, 2, 3, 4 ORDER BY 1 DESC, 2, 3, 4",
        {"since": since, "until": until, "project": project_id},
    )
    return [
        UsageRow(
            day=row[0],
            project_key=row[1],
            provider=row[2],
            model=row[3],
            calls=row[4],
            failed_calls=row[5],
            unpriced_calls=row[6],
            prompt_tokens=row[7],
            cached_tokens=row[8],
            completion_tokens=row[9],
            cost_usd=row[10],
        )
        for row in await cursor.fetchall()
    ]
