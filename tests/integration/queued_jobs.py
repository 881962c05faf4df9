"""Jobs of several projects as a backlog has them, straight in PostgreSQL."""

from __future__ import annotations

from uuid import UUID, uuid4

from core.domain.job import JobKind
from tests.integration.conftest import Query

ANALYSE = JobKind.ANALYSE_GROUP


def add_project(query: Query, key: str) -> UUID:
    id_ = uuid4()
    query("INSERT INTO projects (id, key) VALUES (%s, %s)", id_, key)
    return id_


def add_jobs(
    query: Query,
    project: UUID,
    count: int,
    *,
    is_sent: bool = False,
    minutes_ago: float = 60,
    losses: int = 0,
    kind: JobKind = ANALYSE,
) -> None:
    """Queued and due, the first of them `minutes_ago`; `is_sent` a minute ago."""
    query(
        "INSERT INTO jobs (id, kind, subject_id, version, project_id, due_at, sent_at, losses)"
        " SELECT gen_random_uuid(), %s, gen_random_uuid(), '1', %s,"
        "  now() - %s * interval '1 minute' + n * interval '1 ms',"
        "  CASE WHEN %s THEN now() - interval '1 minute' END, %s FROM generate_series(1, %s) AS n",
        kind,
        project,
        minutes_ago,
        is_sent,
        losses,
        count,
    )


def sweeper_lives(query: Query) -> None:
    query("INSERT INTO heartbeats (name) VALUES ('sweeper') ON CONFLICT (name) DO UPDATE SET seen_at = now()")


def sent_by_project(query: Query) -> dict[str, int]:
    """Messages that wait, by the project's key; projects without any are left out."""
    rows = query(
        "SELECT p.key, count(*) FROM jobs j JOIN projects p ON p.id = j.project_id"
        " WHERE j.state = 'queued' AND j.sent_at IS NOT NULL GROUP BY p.key"
    )
    return {row["key"]: row["count"] for row in rows}
