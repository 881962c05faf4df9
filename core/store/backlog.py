"""The jobs as a whole: what is due, what was lost, what waits, and what people redrive."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from core.domain.job import JobKind, JobState
from core.domain.page import Cursor as PageCursor
from core.domain.page import Page, page_of
from core.store.database import Connection, Cursor


@dataclass(frozen=True, kw_only=True, slots=True)
class NewJob:
    job_id: UUID
    subject_id: UUID
    project_id: UUID


async def requeue_lost(connection: Connection, *, max_attempts: int) -> Cursor:
    """Jobs whose worker went silent go back to the queue, or to the dead after `max_attempts`.

    A job that kills its worker each time ends here, so it cannot do so for ever. Gives their ids.
    """
    return await connection.execute(
        "WITH lost AS (SELECT id FROM jobs WHERE state = 'running' AND lease_until < now()"
        "              ORDER BY lease_until LIMIT 1000 FOR UPDATE SKIP LOCKED)"
        " UPDATE jobs j SET claimed_by = NULL, lease_until = NULL, due_at = now(), sent_at = NULL,"
        "   last_error = 'the worker was lost while it had the job',"
        "   state = CASE WHEN attempts >= %(most)s THEN 'dead' ELSE 'queued' END,"
        "   reason = CASE WHEN attempts >= %(most)s THEN 'worker lost' END,"
        "   finished_at = CASE WHEN attempts >= %(most)s THEN now() END"
        " FROM lost WHERE j.id = lost.id RETURNING j.id",
        {"most": max_attempts},
    )


async def take_due(
    connection: Connection, kind: JobKind, *, unsent: int, resent: int, resend_after: timedelta
) -> Cursor:
    """Jobs of a kind that are due and of which no message is on its way, oldest first, marked as sent now.

    At most `unsent` of which no message was sent yet, and `resent` whose message was sent
    `resend_after` ago and not acted on: it counts as lost, since Redis may have been wiped, or a worker
    killed between taking the message and claiming the job. Gives ids and subjects.
    """
    return await connection.execute(
        "WITH unsent AS ("
        "  SELECT id FROM jobs WHERE state = 'queued' AND kind = %(kind)s AND due_at <= now()"
        "  AND sent_at IS NULL ORDER BY due_at LIMIT %(unsent)s FOR UPDATE SKIP LOCKED),"
        " resent AS ("
        "  SELECT id FROM jobs WHERE state = 'queued' AND kind = %(kind)s AND due_at <= now()"
        "  AND sent_at < now() - %(after)s ORDER BY due_at LIMIT %(resent)s FOR UPDATE SKIP LOCKED)"
        " UPDATE jobs SET sent_at = now()"
        " WHERE id IN (SELECT id FROM unsent UNION ALL SELECT id FROM resent) RETURNING id, subject_id",
        {"kind": kind, "unsent": unsent, "resent": resent, "after": resend_after},
    )


async def requeue(
    connection: Connection,
    works: Sequence[NewJob],
    *,
    kind: JobKind,
    version: str,
    force: bool,
    again: bool,
    request_id: str,
) -> list[UUID]:
    """Make the jobs, or run those again that have ended; what waits is left to it.

    One that is done runs again with `again`, or with `force`, which asks a model though an answer is
    known. One that runs now may be at work on what has changed since: its `sent_at` says that it is
    to run once more when it is done. Gives the ids of those that are queued by this.
    """
    cursor = await connection.execute(
        "INSERT INTO jobs AS j (id, kind, subject_id, project_id, version, force, request_id, sent_at)"
        " SELECT id, %(kind)s, subject, project, %(version)s, %(force)s, %(request)s, now()"
        " FROM unnest(%(ids)s::uuid[], %(subjects)s::uuid[], %(projects)s::uuid[])"
        "   AS t (id, subject, project) ORDER BY id"
        " ON CONFLICT (kind, subject_id, version) DO UPDATE SET"
        "   state = CASE j.state WHEN 'running' THEN 'running' ELSE 'queued' END, reason = NULL,"
        "   attempts = CASE j.state WHEN 'running' THEN j.attempts ELSE 0 END,"
        "   due_at = CASE j.state WHEN 'running' THEN j.due_at ELSE now() END,"
        "   force = excluded.force OR (j.force AND j.state = 'running'),"
        "   sent_at = now(), finished_at = NULL, request_id = excluded.request_id"
        " WHERE j.state <> 'queued' AND (excluded.force OR %(again)s OR j.state NOT IN ('done', 'running'))"
        " RETURNING id, state",
        {
            "ids": [work.job_id for work in works],
            "subjects": [work.subject_id for work in works],
            "projects": [work.project_id for work in works],
            "kind": kind,
            "version": version,
            "force": force,
            "again": again,
            "request": request_id,
        },
    )
    return [id_ for id_, state in await cursor.fetchall() if state == JobState.QUEUED]


async def count(connection: Connection) -> Cursor:
    """State, how many, and the seconds since the longest due was due, for states that want attention."""
    return await connection.execute(
        "SELECT state, count(*), greatest(0, extract(epoch FROM now() - min(due_at)))::float8"
        " FROM jobs WHERE state IN ('queued', 'running', 'failed', 'dead') GROUP BY state"
    )


async def resume_paused(connection: Connection) -> Cursor:
    """Jobs whose budget may have room again go back to the queue."""
    return await connection.execute(
        "UPDATE jobs SET state = 'queued', reason = NULL, due_at = now(), sent_at = NULL, finished_at = NULL"
        " WHERE id IN (SELECT id FROM jobs WHERE state = 'skipped' AND reason = 'budget' AND due_at <= now()"
        "              ORDER BY due_at LIMIT 1000 FOR UPDATE SKIP LOCKED)"
    )


@dataclass(frozen=True, kw_only=True, slots=True)
class JobView:
    id: UUID
    kind: JobKind
    subject_id: UUID
    project_key: str
    version: str
    state: JobState
    reason: str | None
    attempts: int
    due_at: datetime
    lease_until: datetime | None
    claimed_by: str | None
    last_error: str | None
    request_id: str | None
    created_at: datetime
    finished_at: datetime | None


_VIEW = """
SELECT j.id, j.kind, j.subject_id, p.key, j.version, j.state, j.reason, j.attempts, j.due_at,
       j.lease_until, j.claimed_by, j.last_error, j.request_id, j.created_at, j.finished_at
FROM jobs j JOIN projects p ON p.id = j.project_id
"""


def _view(row: tuple[Any, ...]) -> JobView:
    return JobView(
        id=row[0],
        kind=JobKind(row[1]),
        subject_id=row[2],
        project_key=row[3],
        version=row[4],
        state=JobState(row[5]),
        reason=row[6],
        attempts=row[7],
        due_at=row[8],
        lease_until=row[9],
        claimed_by=row[10],
        last_error=row[11],
        request_id=row[12],
        created_at=row[13],
        finished_at=row[14],
    )


async def find(connection: Connection, job_id: UUID, *, project_id: UUID | None) -> JobView | None:
    """`project_id` None: whichever project."""
    cursor = await connection.execute(
        _VIEW + "WHERE j.id = %s AND j.project_id = coalesce(%s, j.project_id)", (job_id, project_id)
    )
    row = await cursor.fetchone()
    return _view(row) if row else None


async def find_of_project(connection: Connection, project_id: UUID) -> JobView | None:
    """The project's own newest metadata job."""
    cursor = await connection.execute(
        _VIEW + "WHERE j.kind = %s AND j.subject_id = %s ORDER BY j.created_at DESC LIMIT 1",
        (JobKind.GENERATE_METADATA, project_id),
    )
    row = await cursor.fetchone()
    return _view(row) if row else None


async def newest(
    connection: Connection,
    *,
    states: tuple[JobState, ...],
    project_id: UUID | None,
    after: PageCursor | None,
    limit: int,
) -> Page[JobView]:
    """Jobs by when they were made, newest first; no `states` means all."""
    filters, values = ["true"], dict[str, object](limit=limit + 1)
    if states:
        filters.append("state = ANY(%(states)s)")
        values["states"] = [str(state) for state in states]
    if project_id is not None:
        filters.append("project_id = %(project)s")
        values["project"] = project_id
    if after is not None:
        filters.append("(created_at, id) < (%(at)s, %(id)s)")
        values |= {"at": after.at, "id": after.id}
    page = (
        f"SELECT id FROM jobs WHERE {' AND '.join(filters)}"  # noqa: S608  (constants only)
        " ORDER BY created_at DESC, id DESC LIMIT %(limit)s"
    )
    cursor = await connection.execute(
        _VIEW + f"WHERE j.id IN ({page}) ORDER BY j.created_at DESC, j.id DESC", values
    )
    views = [_view(row) for row in await cursor.fetchall()]
    return page_of(views, limit, lambda view: PageCursor(at=view.created_at, id=view.id))


async def redrive(
    connection: Connection, *, job_id: UUID | None, project_id: UUID | None, limit: int
) -> list[tuple[UUID, JobKind, UUID]]:
    """Queue ended jobs that failed, died or were skipped, anew: one, or (None) all that failed or died.

    Gives ids, kinds and subjects of those that are queued by this.
    """
    sql = (
        "UPDATE jobs SET state = 'queued', reason = NULL, attempts = 0, due_at = now(), sent_at = now(),"
        " finished_at = NULL WHERE id IN ("
        "  SELECT id FROM jobs WHERE project_id = coalesce(%(project)s, project_id)"
        "  AND ((id = %(id)s AND state IN ('failed', 'dead', 'skipped'))"
        "       OR (%(id)s::uuid IS NULL AND state IN ('failed', 'dead')))"
        "  ORDER BY created_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED) RETURNING id, kind, subject_id"
    )
    cursor = await connection.execute(sql, {"id": job_id, "project": project_id, "limit": limit})
    return [(id_, JobKind(kind), subject) for id_, kind, subject in await cursor.fetchall()]
