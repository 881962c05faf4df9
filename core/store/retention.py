"""Deleting what is old, in batches small enough that nobody waits for them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from core.domain.ids import first_id_at
from core.store.database import Connection

_OLD = (
    "SELECT id FROM error_events WHERE received_at < now() - %(age)s ORDER BY received_at LIMIT %(limit)s"
    " FOR UPDATE SKIP LOCKED"
)

# A group's original analysis is what later events copy: it passes to the youngest copy that stays.
_INHERIT = """
WITH gone AS (
  DELETE FROM error_analysis a WHERE a.error_event_id = ANY(%(old)s)
  RETURNING a.group_id, a.prompt_version, a.reused_from
)
SELECT gone.group_id, heir.id FROM gone LEFT JOIN LATERAL (
  SELECT e.id FROM error_events e
  JOIN error_analysis a ON a.error_event_id = e.id AND a.prompt_version = gone.prompt_version
  WHERE e.group_id = gone.group_id AND e.received_at >= now() - %(age)s
  ORDER BY e.received_at DESC, e.id DESC LIMIT 1
) heir ON true
WHERE gone.reused_from IS NULL
"""

# Where nobody inherits, the group is as if it had never been analysed: its next error makes a new job.
_FORGET = """
DELETE FROM jobs j WHERE kind = 'analyse_group' AND subject_id = ANY(%s) AND state IN ('done', 'skipped')
AND NOT EXISTS (SELECT FROM error_analysis a WHERE a.group_id = j.subject_id
                AND a.prompt_version = j.version AND a.reused_from IS NULL)
"""


async def delete_events(connection: Connection, *, older_than: timedelta, limit: int) -> int:
    """Events and their analyses. A group that keeps younger events keeps its analysis, too."""
    parameters = {"age": older_than, "limit": limit}
    old = [id_ for (id_,) in await (await connection.execute(_OLD, parameters)).fetchall()]
    passed_on = await (await connection.execute(_INHERIT, {"age": older_than, "old": old})).fetchall()
    await connection.execute(
        "UPDATE error_analysis SET reused_from = NULL WHERE error_event_id = ANY(%s)",
        ([heir for _, heir in passed_on if heir is not None],),
    )
    await connection.execute(_FORGET, ([group_id for group_id, _ in passed_on],))
    cursor = await connection.execute("DELETE FROM error_events WHERE id = ANY(%s)", (old,))
    return cursor.rowcount


async def delete_empty_groups(connection: Connection, *, older_than: timedelta, limit: int) -> int:
    """Groups with no event left, and their jobs: the error is new if it comes again.

    The rows are locked first and looked at again: an ingest that had only locked one would otherwise
    lose the event that it has just committed to the foreign key's cascade.
    """
    cursor = await connection.execute(
        "SELECT g.id FROM error_groups g WHERE g.first_seen < now() - %s"
        " AND NOT EXISTS (SELECT FROM error_events e WHERE e.group_id = g.id)"
        " LIMIT %s FOR UPDATE SKIP LOCKED",
        (older_than, limit),
    )
    empty = [id_ for (id_,) in await cursor.fetchall()]
    cursor = await connection.execute(
        "WITH gone AS (DELETE FROM error_groups g WHERE id = ANY(%s)"
        "   AND NOT EXISTS (SELECT FROM error_events e WHERE e.group_id = g.id) RETURNING id),"
        " their_jobs AS (DELETE FROM jobs USING gone WHERE jobs.subject_id = gone.id)"
        " SELECT count(*) FROM gone",
        (empty,),
    )
    row = await cursor.fetchone()
    return int(row[0]) if row else 0


async def delete_ended_jobs(connection: Connection, *, older_than: timedelta, limit: int) -> int:
    """Jobs that ended long ago and whose subject is gone or has its result elsewhere: metadata jobs, and
    those of groups that are no more. A living group's job stays: it says that the group is analysed.

    The rows are locked first: one that is just being queued anew would otherwise go with its new run.
    """
    cursor = await connection.execute(
        "DELETE FROM jobs WHERE id IN (SELECT j.id FROM jobs j"
        " LEFT JOIN error_groups g ON g.id = j.subject_id"
        " WHERE j.finished_at < now() - %s AND j.state NOT IN ('queued', 'running') AND g.id IS NULL"
        " LIMIT %s FOR UPDATE OF j SKIP LOCKED)",
        (older_than, limit),
    )
    return cursor.rowcount


async def delete_calls(connection: Connection, *, older_than: timedelta, limit: int) -> int:
    """Found by their ids, which say when they were made."""
    cursor = await connection.execute(
        "DELETE FROM llm_calls WHERE id IN (SELECT id FROM llm_calls WHERE id < %s ORDER BY id LIMIT %s)",
        (first_id_at(datetime.now(UTC) - older_than), limit),
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
