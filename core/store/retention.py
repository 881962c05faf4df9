"""Deleting what is old, in batches small enough that nobody waits for them.

A batch looks at so many rows, in an index's order from where the last one stopped: it costs the same whatever
stays behind it, and whatever went before it, whose entries are in the index until it is vacuumed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID

from core.domain.ids import first_id_at
from core.domain.page import Cursor as Place
from core.domain.page import decode_cursor
from core.store.database import Connection

_FIRST = Place(at=datetime(1970, 1, 1, tzinfo=UTC), id=UUID(int=0))


@dataclass(frozen=True, kw_only=True, slots=True)
class Batch:
    """`rest` is what the next batch is to be given, of the same kind; None: there is none."""

    deleted: int
    rest: str | None


_OLD = (
    "SELECT id, received_at FROM error_events"
    " WHERE received_at < now() - %(age)s AND received_at >= %(after)s"
    " ORDER BY received_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED"
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


async def delete_events(
    connection: Connection, *, older_than: timedelta, limit: int, after: str | None = None
) -> Batch:
    """Events and their analyses. A group that keeps younger events keeps its analysis, too."""
    parameters = {"age": older_than, "limit": limit, "after": _place(after).at}
    found = await (await connection.execute(_OLD, parameters)).fetchall()
    old = [id_ for id_, _ in found]
    passed_on = await (await connection.execute(_INHERIT, {"age": older_than, "old": old})).fetchall()
    await connection.execute(
        "UPDATE error_analysis SET reused_from = NULL WHERE error_event_id = ANY(%s)",
        ([heir for _, heir in passed_on if heir is not None],),
    )
    await connection.execute(_FORGET, ([group_id for group_id, _ in passed_on],))
    cursor = await connection.execute("DELETE FROM error_events WHERE id = ANY(%s)", (old,))
    rest = None if len(found) < limit else Place(at=found[-1][1], id=found[-1][0]).encode()
    return Batch(deleted=cursor.rowcount, rest=rest)


# Scalar subqueries, here and below: of EXISTS the planner would make a join with all events there are.
_OLD_GROUPS = """
SELECT g.id, g.first_seen, (SELECT e.id FROM error_events e WHERE e.group_id = g.id LIMIT 1) IS NULL
FROM error_groups g WHERE g.first_seen < now() - %(age)s AND (g.first_seen, g.id) > (%(at)s, %(id)s)
ORDER BY g.first_seen, g.id LIMIT %(limit)s
"""


async def delete_empty_groups(
    connection: Connection, *, older_than: timedelta, limit: int, after: str | None = None
) -> Batch:
    """Groups with no event left, and their jobs: the error is new if it comes again.

    The rows are locked first and looked at again: an ingest that had only locked one would otherwise
    lose the event that it has just committed to the foreign key's cascade.
    """
    place = _place(after)
    parameters = {"age": older_than, "limit": limit, "at": place.at, "id": place.id}
    found = await (await connection.execute(_OLD_GROUPS, parameters)).fetchall()
    cursor = await connection.execute(
        "SELECT id FROM error_groups WHERE id = ANY(%s) FOR UPDATE SKIP LOCKED",
        ([id_ for id_, _, is_empty in found if is_empty],),
    )
    empty = [id_ for (id_,) in await cursor.fetchall()]
    cursor = await connection.execute(
        "WITH gone AS (DELETE FROM error_groups g WHERE id = ANY(%s)"
        "   AND (SELECT e.id FROM error_events e WHERE e.group_id = g.id LIMIT 1) IS NULL RETURNING id),"
        " their_jobs AS (DELETE FROM jobs"
        "   WHERE kind = 'analyse_group' AND subject_id = ANY(ARRAY(SELECT id FROM gone)))"
        " SELECT count(*) FROM gone",
        (empty,),
    )
    row = await cursor.fetchone()
    rest = None if len(found) < limit else Place(at=found[-1][1], id=found[-1][0]).encode()
    return Batch(deleted=int(row[0]) if row else 0, rest=rest)


# Found in the unique index alone, but for those that have no group.
_JOBS = """
SELECT j.kind, j.subject_id, j.version, (SELECT g.id FROM error_groups g WHERE g.id = j.subject_id) IS NULL
FROM jobs j WHERE (j.kind, j.subject_id, j.version) > (%(kind)s, %(subject)s, %(version)s)
ORDER BY j.kind, j.subject_id, j.version LIMIT %(limit)s
"""
_DELETE_JOBS = """
DELETE FROM jobs WHERE id = ANY(ARRAY(
  SELECT id FROM jobs WHERE id = ANY(ARRAY(
      SELECT (SELECT j.id FROM jobs j
              WHERE (j.kind, j.subject_id, j.version) = (t.kind, t.subject_id, t.version))
      FROM unnest(%s::text[], %s::uuid[], %s::text[]) AS t (kind, subject_id, version)))
    AND finished_at < now() - %s AND state NOT IN ('queued', 'running')
  FOR UPDATE SKIP LOCKED))
"""


async def delete_ended_jobs(
    connection: Connection, *, older_than: timedelta, limit: int, after: str | None = None
) -> Batch:
    """Jobs that ended long ago and whose subject is gone or has its result elsewhere: metadata jobs, and
    those of groups that are no more. A living group's job stays: it says that the group is analysed.

    The rows are locked first: one that is just being queued anew would otherwise go with its new run.
    """
    kind, subject, version = (after or f" {UUID(int=0)} ").split(" ")
    parameters = {"kind": kind, "subject": subject, "version": version, "limit": limit}
    found = await (await connection.execute(_JOBS, parameters)).fetchall()
    ended = [row[:3] for row in found if row[3]]
    columns = [[row[column] for row in ended] for column in range(3)]
    cursor = await connection.execute(_DELETE_JOBS, (*columns, older_than))
    rest = None if len(found) < limit else " ".join(map(str, found[-1][:3]))
    return Batch(deleted=cursor.rowcount, rest=rest)


async def delete_calls(
    connection: Connection, *, older_than: timedelta, limit: int, after: str | None = None
) -> Batch:
    """Found by their ids, which say when they were made."""
    cursor = await connection.execute(
        "DELETE FROM llm_calls WHERE id = ANY(ARRAY(SELECT id FROM llm_calls WHERE id < %s AND id > %s"
        " ORDER BY id LIMIT %s)) RETURNING id",
        (first_id_at(datetime.now(UTC) - older_than), UUID(after) if after else UUID(int=0), limit),
    )
    gone = [id_ for (id_,) in await cursor.fetchall()]
    return Batch(deleted=len(gone), rest=None if len(gone) < limit else str(max(gone)))


def _place(text: str | None) -> Place:
    return decode_cursor(text) if text else _FIRST


async def delete_draft_metadata(connection: Connection, *, untouched_for: timedelta, limit: int) -> Batch:
    """Generated metadata of drafts that nobody has touched for long; what people wrote stays."""
    cursor = await connection.execute(
        "DELETE FROM project_metadata WHERE project_id IN (SELECT m.project_id FROM project_metadata m"
        " JOIN projects p ON p.id = m.project_id"
        " WHERE p.status = 'draft' AND p.updated_at < now() - %s LIMIT %s)",
        (untouched_for, limit),
    )
    return Batch(deleted=cursor.rowcount, rest="" if cursor.rowcount == limit else None)


async def delete_orphaned_metadata(connection: Connection, *, limit: int) -> Batch:
    """Metadata that describes nothing: its project's text was emptied. (A project that is deleted takes
    its metadata along, by the foreign key.)"""
    cursor = await connection.execute(
        "DELETE FROM project_metadata WHERE project_id IN (SELECT m.project_id FROM project_metadata m"
        " JOIN projects p ON p.id = m.project_id"
        " WHERE p.title = '' AND p.description = '' AND p.content = '' LIMIT %s)",
        (limit,),
    )
    return Batch(deleted=cursor.rowcount, rest="" if cursor.rowcount == limit else None)
