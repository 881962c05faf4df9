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

from core.domain.event import EventContent
from core.domain.job import GiveUp, JobKind, JobState
from core.errors import ClaimLost
from core.store.database import Connection, Cursor, Database, Work
from core.store.payload import content_of

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """A job that is ours until its lease ends. `attempts` counts this one."""

    job_id: UUID
    group_id: UUID
    project_id: UUID
    version: str
    attempts: int
    force: bool
    request_id: str
    claimed_by: str
    event_id: UUID | None
    """The group's newest event that needs an analysis; None: there is none."""
    content: EventContent | None
    is_analysed: bool
    """The group has its analysis of this version already."""


_CLAIM = """
WITH claimed AS (
  UPDATE jobs SET state = 'running', attempts = attempts + 1, claimed_by = %(claimed_by)s,
                  lease_until = now() + %(lease)s
  WHERE id = %(id)s AND kind = %(kind)s
    AND ((state = 'queued' AND due_at <= now()) OR (state = 'running' AND lease_until < now()))
  RETURNING *
)
SELECT c.id, c.subject_id, c.project_id, c.version, c.attempts, c.force, coalesce(c.request_id, ''),
       e.id, e.status_code, e.payload,
       EXISTS (SELECT FROM error_analysis a WHERE a.group_id = c.subject_id
               AND a.prompt_version = c.version AND a.reused_from IS NULL)
FROM claimed c
LEFT JOIN LATERAL (
  SELECT id, status_code, payload FROM error_events
  WHERE group_id = c.subject_id AND status_code >= 500
  ORDER BY received_at DESC, id DESC LIMIT 1
) e ON true
"""


async def claim_analysis(
    connection: Connection, job_id: UUID, *, claimed_by: str, lease: timedelta
) -> Claim | None:
    """Take the job and read what it is about, in one statement. None: done, not due, or somebody else's."""
    cursor = await connection.execute(
        _CLAIM,
        {"id": job_id, "kind": JobKind.ANALYSE_GROUP, "claimed_by": claimed_by, "lease": lease},
    )
    row = await cursor.fetchone()
    if row is None:
        return None
    id_, group_id, project_id, version, attempts, force, request_id, event_id, status, payload, known = row
    return Claim(
        job_id=id_,
        group_id=group_id,
        project_id=project_id,
        version=version,
        attempts=attempts,
        force=force,
        request_id=request_id,
        claimed_by=claimed_by,
        event_id=event_id,
        content=content_of(status, payload) if event_id is not None else None,
        is_analysed=known,
    )


async def extend_lease(connection: Connection, claim: Claim, *, lease: timedelta) -> bool:
    """False: the claim is lost."""
    cursor = await connection.execute(
        "UPDATE jobs SET lease_until = now() + %s WHERE id = %s AND claimed_by = %s AND state = 'running'",
        (lease, claim.job_id, claim.claimed_by),
    )
    return cursor.rowcount == 1


async def fenced(database: Database, work: Work[T]) -> T:
    """A transaction that ends a claim. Raises ClaimLost, with nothing written, if it is not held."""
    try:
        return await database.transaction(work)
    except (CheckViolation, ForeignKeyViolation) as exc:
        raise ClaimLost(exc.diag.message_primary or "the claim is lost") from exc


_END = """
UPDATE jobs SET
  -- A claim that is not held gives a state that the table's check refuses: the whole transaction
  -- fails, and no round trip is spent on asking first.
  state = CASE WHEN claimed_by = %(by)s AND state = 'running' THEN %(state)s ELSE 'not ours' END,
  reason = %(reason)s, last_error = coalesce(%(error)s, last_error),
  attempts = attempts - %(undo)s, force = force AND %(waits)s,
  due_at = now() + %(delay)s, sent_at = NULL, lease_until = NULL, claimed_by = NULL,
  finished_at = CASE WHEN NOT %(waits)s THEN now() END
WHERE id = %(id)s
"""
_NOW = timedelta(0)


async def _end(
    connection: Connection,
    claim: Claim,
    state: JobState,
    *,
    reason: str | None = None,
    error: str | None = None,
    delay: timedelta = _NOW,
    undo: int = 0,
) -> None:
    parameters = {
        "id": claim.job_id,
        "by": claim.claimed_by,
        "state": state,
        "reason": reason,
        "error": error,
        "delay": delay,
        "undo": undo,
        "waits": state is JobState.QUEUED,
    }
    await connection.execute(_END, parameters)


async def hold(connection: Connection, claim: Claim) -> None:
    """Write nothing, but fail like an end would if the claim is not held. Only inside `fenced`."""
    await connection.execute(
        "UPDATE jobs SET state = CASE WHEN claimed_by = %s THEN state ELSE 'not ours' END WHERE id = %s",
        (claim.claimed_by, claim.job_id),
    )


async def finish(connection: Connection, claim: Claim, state: JobState, *, reason: str | None = None) -> None:
    """End the job. Only inside `fenced`."""
    await _end(connection, claim, state, reason=reason)


async def give_up(connection: Connection, claim: Claim, verdict: GiveUp, *, error: str) -> None:
    """End the job as failed or dead. Only inside `fenced`."""
    await _end(connection, claim, verdict.state, reason=verdict.reason, error=error)


async def retry_later(connection: Connection, claim: Claim, *, delay: timedelta, error: str) -> None:
    """Back to the queue, due after `delay`; the sweeper sends it then. Only inside `fenced`."""
    await _end(connection, claim, JobState.QUEUED, error=error, delay=delay)


async def give_back(connection: Connection, claim: Claim) -> None:
    """Undo the claim, as if it had never been made: the worker is stopping. Only inside `fenced`."""
    await _end(connection, claim, JobState.QUEUED, undo=1)


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


async def take_due(connection: Connection, *, limit: int, resend_after: timedelta) -> Cursor:
    """Jobs that are due and of which no message is on its way, oldest first, marked as sent now.

    A message that was sent `resend_after` ago and not acted on counts as lost: Redis may have been
    wiped, or a worker killed between taking the message and claiming the job. Gives ids and kinds.
    """
    return await connection.execute(
        "UPDATE jobs SET sent_at = now() WHERE id IN ("
        "  SELECT id FROM jobs WHERE state = 'queued' AND due_at <= now()"
        "    AND (sent_at IS NULL OR sent_at < now() - %s)"
        "  ORDER BY due_at LIMIT %s FOR UPDATE SKIP LOCKED)"
        " RETURNING id, kind",
        (resend_after, limit),
    )


async def requeue(
    connection: Connection,
    *,
    job_id: UUID,
    kind: JobKind,
    subject_id: UUID,
    project_id: UUID,
    version: str,
    force: bool,
    request_id: str,
) -> JobState:
    """Make the job, or run it again if it has ended; one that waits or runs is left to it.

    Gives the state it is in now. With `force` it asks a model though an answer is known.
    """
    cursor = await connection.execute(
        "INSERT INTO jobs AS j (id, kind, subject_id, project_id, version, force, request_id, sent_at)"
        " VALUES (%(id)s, %(kind)s, %(subject)s, %(project)s, %(version)s, %(force)s, %(request)s, now())"
        " ON CONFLICT (kind, subject_id, version) DO UPDATE SET"
        "   state = 'queued', reason = NULL, attempts = 0, due_at = now(), sent_at = now(),"
        "   finished_at = NULL, force = excluded.force, request_id = excluded.request_id"
        " WHERE j.state NOT IN ('queued', 'running') AND (excluded.force OR j.state <> 'done')"
        " RETURNING state",
        {
            "id": job_id,
            "kind": kind,
            "subject": subject_id,
            "project": project_id,
            "version": version,
            "force": force,
            "request": request_id,
        },
    )
    row = await cursor.fetchone()
    if row is None:
        cursor = await connection.execute("SELECT state FROM jobs WHERE id = %s", (job_id,))
        row = await cursor.fetchone()
    return JobState(row[0]) if row else JobState.QUEUED


async def backlog(connection: Connection) -> Cursor:
    """State, how many, and the seconds since the longest due was due, for states that want attention."""
    return await connection.execute(
        "SELECT state, count(*), greatest(0, extract(epoch FROM now() - min(due_at)))::float8"
        " FROM jobs WHERE state IN ('queued', 'running', 'failed', 'dead') GROUP BY state"
    )
