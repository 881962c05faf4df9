"""Deleting what is old, in batches small enough that nobody waits for them."""

from __future__ import annotations

from datetime import timedelta

from core.store.database import Connection

_OLD = "SELECT id FROM error_events WHERE received_at < now() - %(age)s ORDER BY received_at LIMIT %(limit)s"

# A group's original analysis is what later events copy: it passes to the youngest that stays.
_HEIRS = f"""
WITH old AS ({_OLD}), gone AS (
  DELETE FROM error_analysis a USING old WHERE a.error_event_id = old.id
  RETURNING a.error_event_id, a.reused_from
)
SELECT DISTINCT ON (h.reused_from) h.error_event_id FROM gone
JOIN error_analysis h ON h.reused_from = gone.error_event_id AND h.group_id IN (
  SELECT group_id FROM error_events WHERE id = gone.error_event_id)
JOIN error_events e ON e.id = h.error_event_id
WHERE gone.reused_from IS NULL AND e.received_at >= now() - %(age)s
ORDER BY h.reused_from, e.received_at DESC
"""  # noqa: S608  (constants only)


async def delete_events(connection: Connection, *, older_than: timedelta, limit: int) -> int:
    """Events and their analyses. A group that keeps younger events keeps its analysis, too."""
    parameters = {"age": older_than, "limit": limit}
    heirs = await (await connection.execute(_HEIRS, parameters)).fetchall()
    await connection.execute(
        "UPDATE error_analysis SET reused_from = NULL WHERE error_event_id = ANY(%s)",
        ([heir for (heir,) in heirs],),
    )
    cursor = await connection.execute(f"DELETE FROM error_events WHERE id IN ({_OLD})", parameters)  # noqa: S608
    return cursor.rowcount


async def delete_empty_groups(connection: Connection, *, older_than: timedelta, limit: int) -> int:
    """Groups with no event left, and their jobs: the error is new if it comes again."""
    cursor = await connection.execute(
        "WITH gone AS (DELETE FROM error_groups WHERE id IN ("
        "   SELECT g.id FROM error_groups g WHERE g.first_seen < now() - %s"
        "   AND NOT EXISTS (SELECT FROM error_events e WHERE e.group_id = g.id) LIMIT %s) RETURNING id)"
        " DELETE FROM jobs USING gone WHERE jobs.subject_id = gone.id AND jobs.state <> 'running'",
        (older_than, limit),
    )
    return cursor.rowcount


async def delete_ended_jobs(connection: Connection, *, older_than: timedelta, limit: int) -> int:
    """Jobs that ended long ago and whose subject is gone or has its result elsewhere: metadata jobs, and
    those of groups that are no more. A living group's job stays: it says that the group is analysed."""
    cursor = await connection.execute(
        "DELETE FROM jobs WHERE id IN (SELECT j.id FROM jobs j"
        " LEFT JOIN error_groups g ON g.id = j.subject_id"
        " WHERE j.finished_at < now() - %s AND j.state NOT IN ('queued', 'running') AND g.id IS NULL"
        " LIMIT %s)",
        (older_than, limit),
    )
    return cursor.rowcount


async def delete_calls(connection: Connection, *, older_than: timedelta, limit: int) -> int:
    cursor = await connection.execute(
        "DELETE FROM llm_calls WHERE id IN (SELECT id FROM llm_calls WHERE created_at < now() - %s LIMIT %s)",
        (older_than, limit),
    )
    return cursor.rowcount


async def delete_draft_metadata(connection: Connection, *, untouched_for: timedelta, limit: int) -> int:
    """Generated metadata of drafts that nobody has touched for long; what people wrote stays."""
    cursor = await connection.execute(
        "DELETE FROM project_metadata WHERE project_id IN (SELECT m.project_id FROM project_metadata m"
        " JOIN projects p ON p.id = m.project_id"
        " WHERE p.status = 'draft' AND p.updated_at < now() - %s LIMIT %s)",
        (untouched_for, limit),
    )
    return cursor.rowcount


async def delete_orphaned_metadata(connection: Connection, *, limit: int) -> int:
    """Metadata that describes nothing: its project's text was emptied. (A project that is deleted takes
    its metadata along, by the foreign key.)"""
    cursor = await connection.execute(
        "DELETE FROM project_metadata WHERE project_id IN (SELECT m.project_id FROM project_metadata m"
        " JOIN projects p ON p.id = m.project_id"
        " WHERE p.title = '' AND p.description = '' AND p.content = '' LIMIT %s)",
        (limit,),
    )
    return cursor.rowcount
