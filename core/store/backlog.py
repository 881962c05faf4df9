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
from core.store import dispatch, open_jobs
from core.store.database import Connection, Cursor


@dataclass(frozen=True, kw_only=True, slots=True)
class NewJob:
    job_id: UUID
    subject_id: UUID
    project_id: UUID


@dataclass(frozen=True, kw_only=True, slots=True)
class Queued:
    """A job that waits by this. `is_sent`: whoever queued it is to send it; else the sweeper does."""

    job_id: UUID
    kind: JobKind
    subject_id: UUID
    is_sent: bool


async def requeue_lost(connection: Connection, *, max_losses: int, spread: timedelta) -> Cursor:
    """Jobs whose worker went silent go back to the queue, or to the dead after `max_losses`. Gives their ids.

    A job that kills its worker each time ends here, so it cannot do so for ever. After a first loss it
    is due at once; after each further one, at a random time within one `spread` more than the last, so
    that those which were lost together do not come back together.
    """
    return await connection.execute(
        f"WITH lost AS (SELECT id FROM jobs WHERE {open_jobs.LEASED} AND lease_until < now()"  # noqa: S608  (constants only)
        "              ORDER BY lease_until LIMIT 1000 FOR UPDATE SKIP LOCKED)"
        " UPDATE jobs j SET claimed_by = NULL, lease_until = NULL, sent_at = NULL,"
        "   due_at = now() + random() * losses * %(spread)s, losses = losses + 1,"
        "   last_error = 'the worker was lost while it had the job',"
        "   state = CASE WHEN losses + 1 >= %(most)s THEN 'dead' ELSE 'queued' END,"
        "   reason = CASE WHEN losses + 1 >= %(most)s THEN 'worker lost' END,"
        "   finished_at = CASE WHEN losses + 1 >= %(most)s THEN now() END"
        # By an array: of a join the planner would read the whole table, having no idea how few there are.
        " WHERE id = ANY(ARRAY(SELECT id FROM lost)) RETURNING j.id",
        {"most": max_losses, "spread": spread},
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
) -> list[Queued]:
    """Make the jobs, or run those again that have ended; what waits is left to it.

    One that is done runs again with `again`, or with `force`, which asks a model though an answer is
    known. One that runs now may be at work on what has changed since: its `sent_at` says that it is
    to run once more when it is done. Gives those that are queued by this.
    """
    cursor = await connection.execute(
        "INSERT INTO jobs AS j (id, kind, subject_id, project_id, version, force, request_id, sent_at)"  # noqa: S608  (constants only)
        " SELECT id, %(kind)s, subject, project_id, %(version)s, %(force)s, %(request)s,"
        + dispatch.sent_at("job", kind="%(kind)s")
        + " FROM (SELECT *, row_number() OVER (PARTITION BY project_id ORDER BY id) AS nth"
        "   FROM unnest(%(ids)s::uuid[], %(subjects)s::uuid[], %(projects)s::uuid[])"
        "     AS t (id, subject, project_id)) AS job ORDER BY id"
        # By the id, made of kind, subject and version: of two at once the second meets that index first,
        # and a conflict with any but the one named here is an error.
        " ON CONFLICT (id) DO UPDATE SET"
        "   state = CASE j.state WHEN 'running' THEN 'running' ELSE 'queued' END, reason = NULL,"
        "   attempts = CASE j.state WHEN 'running' THEN j.attempts ELSE 0 END,"
        "   losses = CASE j.state WHEN 'running' THEN j.losses ELSE 0 END,"
        "   due_at = CASE j.state WHEN 'running' THEN j.due_at ELSE now() END,"
        "   force = excluded.force OR (j.force AND j.state = 'running'),"
        "   sent_at = CASE j.state WHEN 'running' THEN now() ELSE excluded.sent_at END,"
        "   finished_at = NULL, request_id = excluded.request_id"
        " WHERE j.state <> 'queued' AND (excluded.force OR %(again)s OR j.state NOT IN ('done', 'running'))"
        " RETURNING id, subject_id, sent_at IS NOT NULL, state",
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
    return [
        Queued(job_id=id_, kind=kind, subject_id=subject, is_sent=is_sent)
        for id_, subject, is_sent, state in await cursor.fetchall()
        if state == JobState.QUEUED
    ]


COUNT_LIMIT = 100_000
"""Counting stops here: a look every few seconds must not read a million jobs to say "many"."""


_OLDEST = f"""
coalesce(greatest(0, extract(epoch FROM now() - (SELECT min(due_at) FROM jobs WHERE {open_jobs.WAITING}))), 0)
"""  # noqa: S608  (constants only)

# The states are written out: by a parameter, PostgreSQL would plan for a state of average size, which most
# finished jobs make large, and read the whole table for the few that are asked for.
_COUNTS = " UNION ALL ".join(
    f"SELECT '{state}', (SELECT count(*) FROM ("  # noqa: S608  (constants only)
    f"SELECT FROM jobs WHERE {condition} LIMIT {COUNT_LIMIT}) AS counted), {wait}::float8"
    for state, condition, wait in (
        (JobState.QUEUED, open_jobs.WAITING, _OLDEST),
        (JobState.RUNNING, open_jobs.LEASED, "0"),
        (JobState.FAILED, "state = 'failed'", "0"),
        (JobState.DEAD, "state = 'dead'", "0"),
    )
)


async def count(connection: Connection) -> Cursor:
    """State, how many (at most COUNT_LIMIT), for states that want attention, and for those that are queued
    the seconds since the longest due was due."""
    return await connection.execute(_COUNTS)


async def resume_paused(connection: Connection) -> Cursor:
    """Jobs whose budget may have room again go back to the queue."""
    return await connection.execute(
        "UPDATE jobs SET state = 'queued', reason = NULL, due_at = now(), sent_at = NULL,"  # noqa: S608  (constants only)
        "  finished_at = NULL WHERE id = ANY(ARRAY("
        f"  SELECT id FROM jobs WHERE {open_jobs.PAUSED} AND due_at <= now()"
        "  ORDER BY due_at LIMIT 1000 FOR UPDATE SKIP LOCKED))"
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
    filters = ["jobs.state = wanted.state"]
    values: dict[str, object] = {"limit": limit + 1, "states": [str(state) for state in states or JobState]}
    if project_id is not None:
        filters.append("project_id = %(project)s")
        values["project"] = project_id
    if after is not None:
        filters.append("(created_at, id) < (%(at)s, %(id)s)")
        values |= {"at": after.at, "id": after.id}
    # A page of each state and then of these: no index has several states in one order.
    page = (
        "SELECT own.id FROM unnest(%(states)s::text[]) AS wanted (state), LATERAL ("  # noqa: S608  (constants only)
        f"  SELECT id, created_at FROM jobs WHERE {' AND '.join(filters)}"
        "   ORDER BY created_at DESC, id DESC LIMIT %(limit)s) AS own"
        " ORDER BY own.created_at DESC, own.id DESC LIMIT %(limit)s"
    )
    cursor = await connection.execute(
        _VIEW + f"WHERE j.id IN ({page}) ORDER BY j.created_at DESC, j.id DESC", values
    )
    views = [_view(row) for row in await cursor.fetchall()]
    return page_of(views, limit, lambda view: PageCursor(at=view.created_at, id=view.id))


async def redrive(
    connection: Connection,
    *,
    job_id: UUID | None,
    project_id: UUID | None,
    limit: int,
    ended_by: datetime | None = None,
) -> list[Queued]:
    """Queue ended jobs that failed, died or were skipped, anew: one, or (None) all that failed or died.

    Of all, only those that had by `ended_by` (None: now), PostgreSQL's time. Gives those that are
    queued by this, at most `limit`.
    """
    sql = (
        "WITH ended AS ("  # noqa: S608  (constants only)
        "  SELECT id, kind, project_id FROM jobs WHERE project_id = coalesce(%(project)s, project_id)"
        "  AND ((id = %(id)s AND state IN ('failed', 'dead', 'skipped'))"
        "       OR (%(id)s::uuid IS NULL AND state IN ('failed', 'dead')"
        "           AND coalesce(finished_at, created_at) <= coalesce(%(by)s::timestamptz, now())))"
        "  ORDER BY created_at LIMIT %(limit)s FOR UPDATE SKIP LOCKED),"
        " job AS (SELECT *, row_number() OVER (PARTITION BY project_id, kind ORDER BY id) AS nth FROM ended)"
        " UPDATE jobs SET state = 'queued', reason = NULL, attempts = 0, losses = 0, due_at = now(),"
        "   finished_at = NULL, sent_at ="
        + dispatch.sent_at("job", kind="job.kind")
        + " FROM job WHERE jobs.id = job.id"
        " RETURNING jobs.id, jobs.kind, jobs.subject_id, jobs.sent_at IS NOT NULL"
    )
    cursor = await connection.execute(
        sql, {"id": job_id, "project": project_id, "limit": limit, "by": ended_by}
    )
    return [
        Queued(job_id=id_, kind=JobKind(kind), subject_id=subject, is_sent=is_sent)
        for id_, kind, subject, is_sent in await cursor.fetchall()
    ]
