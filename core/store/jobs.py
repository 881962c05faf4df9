"""Jobs: claimed by a conditional UPDATE with a lease, given back, and found again when lost.

`claimed_by` names one claim of one process; every write of a worker carries it, so that a worker
which lost its lease (stopped, or cut off) cannot overwrite what its successor did.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar
from uuid import UUID

from psycopg.errors import CheckViolation, ForeignKeyViolation

from core.domain.job import SUSPECT_AFTER, GiveUp, JobKind, JobState
from core.errors import ClaimLost
from core.store import open_jobs
from core.store.database import Connection, Cursor, Database, Work

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """A job that is ours until its lease ends. `attempts` counts this one."""

    job_id: UUID
    kind: JobKind
    subject_id: UUID
    project_id: UUID
    version: str
    attempts: int
    force: bool
    request_id: str
    claimed_by: str
    has_cap: bool
    """The project has a budget of its own."""


async def claim(
    connection: Connection, job_id: UUID, *, kind: JobKind, claimed_by: str, lease: timedelta
) -> Cursor:
    """Take the job, if it is due or its last worker is lost; `read_claim` reads the answer.

    One that several workers were lost with is only taken when the sweeper has sent it, in its turn.
    Send the question of what it is about along with it: both take one round trip. Safe to run twice with
    the same `claimed_by`: where the first commit's answer was lost, the job is ours already.
    """
    is_ours = "(state = 'running' AND claimed_by = %(by)s AND lease_until >= now())"
    return await connection.execute(
        "UPDATE jobs SET state = 'running', claimed_by = %(by)s, lease_until = now() + %(lease)s,"  # noqa: S608  (constants only)
        f"  sent_at = NULL, attempts = attempts + (NOT {is_ours})::int,"
        f"  losses = losses + (state = 'running' AND NOT {is_ours})::int"
        f" WHERE id = %(id)s AND kind = %(kind)s AND ({is_ours}"
        f"  OR (state = 'queued' AND due_at <= now() AND (losses < {SUSPECT_AFTER} OR sent_at IS NOT NULL))"
        f"  OR (state = 'running' AND lease_until < now() AND losses + 1 < {SUSPECT_AFTER}))"
        " RETURNING subject_id, project_id, version, attempts, force, coalesce(request_id, ''),"
        "  (SELECT num_nonnulls(budget_day_usd, budget_month_usd) > 0 FROM projects"
        "   WHERE projects.id = jobs.project_id)",
        {"by": claimed_by, "lease": lease, "id": job_id, "kind": kind},
    )


async def read_claim(cursor: Cursor, job_id: UUID, *, kind: JobKind, claimed_by: str) -> Claim | None:
    """None: the job has ended, is not due, or is somebody else's."""
    row = await cursor.fetchone()
    if row is None:
        return None
    subject_id, project_id, version, attempts, force, request_id, has_cap = row
    return Claim(
        job_id=job_id,
        kind=kind,
        subject_id=subject_id,
        project_id=project_id,
        version=version,
        attempts=attempts,
        force=force,
        request_id=request_id,
        claimed_by=claimed_by,
        has_cap=bool(has_cap),
    )


async def extend_lease(connection: Connection, claim: Claim, *, lease: timedelta) -> bool:
    """False: the claim is lost."""
    cursor = await connection.execute(
        "UPDATE jobs SET lease_until = now() + %s WHERE id = %s AND claimed_by = %s"  # noqa: S608  (constants only)
        f" AND {open_jobs.by_id(JobState.RUNNING)}",
        (lease, claim.job_id, claim.claimed_by),
    )
    return cursor.rowcount == 1


async def fenced(database: Database, work: Work[T]) -> T:
    """A transaction that ends a claim. Raises ClaimLost, with nothing written, if it is not held."""
    try:
        return await database.transaction(work)
    except (CheckViolation, ForeignKeyViolation) as exc:
        raise ClaimLost(exc.diag.message_primary or "the claim is lost") from exc


END = """
UPDATE jobs SET
  -- A claim that is not held gives a state that the table's check refuses: the whole transaction
  -- fails, and no round trip is spent on asking first.
  state = CASE WHEN claimed_by IS DISTINCT FROM %(by)s OR state <> 'running' THEN 'not ours'
               WHEN %(state)s = 'done' AND sent_at IS NOT NULL THEN 'queued'
               ELSE %(state)s END,
  reason = %(reason)s, last_error = coalesce(%(error)s, last_error),
  -- Asked for again while it ran (see `backlog.requeue`), it runs again.
  attempts = CASE WHEN %(state)s = 'done' AND sent_at IS NOT NULL THEN 0 ELSE attempts - %(undo)s END,
  losses = CASE WHEN %(state)s = 'done' THEN 0 ELSE losses END,
  force = force AND (%(waits)s OR sent_at IS NOT NULL),
  due_at = now() + %(delay)s, sent_at = NULL, lease_until = NULL, claimed_by = NULL,
  finished_at = CASE WHEN %(waits)s OR (%(state)s = 'done' AND sent_at IS NOT NULL) THEN NULL ELSE now() END
WHERE id = %(id)s
"""
"""Ends a claim. Only inside `fenced`, with `ending`'s values."""

HOLD = """
UPDATE jobs SET state = CASE WHEN claimed_by = %(by)s THEN state ELSE 'not ours' END
WHERE id = %(id)s
"""
"""Writes nothing, but fails as END would where the claim is not held. Only inside `fenced`."""

_NOW = timedelta(0)


def ending(
    claim: Claim,
    state: JobState,
    *,
    reason: str | None = None,
    error: str | None = None,
    delay: timedelta = _NOW,
    undo: int = 0,
) -> dict[str, object]:
    """The values of END, which HOLD's are among."""
    return {
        "id": claim.job_id,
        "by": claim.claimed_by,
        "state": state,
        "reason": reason,
        "error": error,
        "delay": delay,
        "undo": undo,
        "waits": state is JobState.QUEUED,
    }


async def finish(connection: Connection, claim: Claim, state: JobState, *, reason: str | None = None) -> None:
    """End the job. Only inside `fenced`."""
    await connection.execute(END, ending(claim, state, reason=reason))


async def give_up(connection: Connection, claim: Claim, verdict: GiveUp, *, error: str) -> None:
    """End the job as failed or dead. Only inside `fenced`."""
    await connection.execute(END, ending(claim, verdict.state, reason=verdict.reason, error=error))


async def retry_later(connection: Connection, claim: Claim, *, delay: timedelta, error: str) -> None:
    """Back to the queue, due after `delay`; the sweeper sends it then. Only inside `fenced`."""
    await connection.execute(END, ending(claim, JobState.QUEUED, error=error, delay=delay))


async def give_back(connection: Connection, claim: Claim, *, delay: timedelta = _NOW) -> None:
    """Undo the claim, uncounted: the worker is stopping, or its turn is later. Only inside `fenced`."""
    await connection.execute(END, ending(claim, JobState.QUEUED, undo=1, delay=delay))


async def pause(connection: Connection, claim: Claim, *, reason: str, until: timedelta) -> None:
    """Skipped for now, uncounted; `backlog.resume_paused` queues it after `until`. Only inside `fenced`."""
    await connection.execute(END, ending(claim, JobState.SKIPPED, reason=reason, undo=1, delay=until))
