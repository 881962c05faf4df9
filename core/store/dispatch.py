"""Which jobs' messages go to Redis now, so that no project stands before all others.

A list in Redis is first come, first served. So it is kept short, and what it is short of is decided
here: of each project only a few messages wait in it, and the rest of its jobs stay in PostgreSQL
(`sent_at` is null) until the sweeper finds it their turn.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from core.domain.job import SUSPECT_AFTER, JobKind, JobState
from core.store import open_jobs
from core.store.database import Connection, Cursor
from core.store.open_jobs import SENT, SUSPECT_QUEUED, SUSPECT_RUNNING, UNSENT

DIRECT = 5
"""Messages of a project that may wait because a request sent them by itself. Few: with one worker of
two processes they are what another project's first job waits for. Idle workers wait for the others half
a second, until the sweeper looks."""

SHORT = 100
"""Messages of all projects, beyond which requests leave every job to the sweeper."""

LONGEST = 500
"""Messages in a queue, beyond which the sweeper sends none, not even a project's first."""

_LOCK = 7_236_412_906
"""Any number that nothing else in the database uses."""

_SWEEPER_LIVES = "seen_at > now() - interval '30 seconds'"


def sent_at(new: str, *, kind: str) -> str:
    """SQL: now() if the request that makes the job is to send it, null if the sweeper is.

    `new` is a row of `project_id` and `nth`, from 1 for each project of the statement; `kind` an
    expression. A job behind unsent ones of its project is not sent either: it would overtake them. While
    no sweeper lives, requests send everything, since nobody else would.
    """
    return f"""
    CASE WHEN NOT EXISTS (SELECT FROM heartbeats WHERE name = 'sweeper' AND {_SWEEPER_LIVES}) THEN now()
         WHEN {new}.nth <= {DIRECT}
          AND {new}.nth + (SELECT count(*) FROM (
                SELECT FROM jobs WHERE {SENT} AND kind = {kind} AND project_id = {new}.project_id
                LIMIT {DIRECT}) AS waiting) <= {DIRECT}
          AND NOT EXISTS (SELECT FROM jobs WHERE {UNSENT} AND kind = {kind}
                          AND project_id = {new}.project_id AND due_at <= now())
          AND (SELECT count(*) FROM (
                SELECT FROM jobs WHERE {SENT} AND kind = {kind} LIMIT {SHORT}) AS waiting) < {SHORT}
         THEN now() END"""  # noqa: S608  (constants only)


async def unsend(connection: Connection, job_ids: Sequence[UUID]) -> None:
    """Their messages were not taken: they wait for the sweeper's next look, not until they count as lost."""
    await connection.execute(
        f"UPDATE jobs SET sent_at = NULL WHERE id = ANY(%s) AND {open_jobs.by_id(JobState.QUEUED)}",  # noqa: S608  (constants only)
        (list(job_ids),),
    )


async def anything_due(connection: Connection) -> bool:
    """Whether a look would find anything: of all that the others take, each job is queued and due."""
    cursor = await connection.execute(
        f"SELECT EXISTS (SELECT FROM jobs WHERE {open_jobs.WAITING} AND due_at <= now())"  # noqa: S608  (constants only)
    )
    return await cursor.fetchone() == (True,)


async def one_at_a_time(connection: Connection) -> None:
    """For the rest of the transaction nobody else takes jobs to send. A process that stops in the middle is
    cut off by the next sweep (`sessions.end_silent`), and does not keep others waiting."""
    await connection.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))


# Projects are found one by one by the index, each next one by one probe, so what this costs follows from
# the projects that wait and not from their jobs. `nth` is a job's place among the messages of its project:
# all first ones come before any second one, and among equals chance decides, so that nobody is always last.
_TAKE_FAIRLY = f"""
WITH RECURSIVE project AS (
  (SELECT project_id AS id FROM jobs WHERE {UNSENT} AND kind = %(kind)s ORDER BY project_id LIMIT 1)
  UNION ALL
  SELECT (SELECT j.project_id FROM jobs j WHERE {UNSENT} AND j.kind = %(kind)s AND j.project_id > project.id
          ORDER BY j.project_id LIMIT 1)
  FROM project WHERE project.id IS NOT NULL
), waiting AS (
  SELECT id AS project_id, (
    SELECT count(*) FROM (SELECT FROM jobs WHERE {SENT} AND kind = %(kind)s AND project_id = project.id
                          LIMIT {LONGEST}) AS own) AS sent
  FROM project WHERE EXISTS (
    SELECT FROM jobs WHERE {UNSENT} AND kind = %(kind)s AND project_id = project.id
    AND due_at <= now() AND losses < {SUSPECT_AFTER})
), candidate AS (
  SELECT own.id, waiting.sent + own.nth AS nth FROM waiting, LATERAL (
    SELECT id, row_number() OVER (ORDER BY due_at) AS nth
    FROM jobs WHERE {UNSENT} AND kind = %(kind)s AND project_id = waiting.project_id
      AND due_at <= now() AND losses < {SUSPECT_AFTER}
    -- Four times an even share, so that few jobs of one project leave no room unused.
    ORDER BY due_at LIMIT greatest(1, least(%(room)s, 4 * %(room)s / (SELECT count(*) FROM waiting)))
  ) AS own
), chosen AS (
  SELECT id, turn FROM (
    SELECT id, nth, row_number() OVER (ORDER BY nth, random()) AS turn FROM candidate) AS ordered
  WHERE turn <= %(room)s OR (nth = 1 AND turn <= %(firsts)s)
), locked AS (
  -- By an array, since the planner has no idea how few are chosen, and would read the whole table; and by
  -- nothing else, or it might read all that are unsent.
  SELECT id, sent_at, state FROM jobs WHERE id = ANY(ARRAY(SELECT id FROM chosen))
  ORDER BY id FOR UPDATE SKIP LOCKED
)
UPDATE jobs SET sent_at = now() FROM chosen
WHERE jobs.id = ANY(ARRAY(SELECT id FROM locked WHERE {UNSENT})) AND chosen.id = jobs.id
RETURNING jobs.id, jobs.subject_id, chosen.turn
"""  # noqa: S608  (constants only)


async def take_fairly(connection: Connection, kind: JobKind, *, waiting: int, room: int) -> Cursor:
    """Jobs that are due and unsent, marked as sent now: `room` of them, shared evenly by all projects.

    What a project has in the queue (of `waiting` messages) counts as had. One that has nothing there gets
    its first message even where there is no room, until LONGEST wait: so nobody is kept out by others'
    messages. Gives ids, subjects and turns, by which they are to be sent.
    """
    return await connection.execute(
        _TAKE_FAIRLY, {"kind": kind, "room": room, "firsts": max(room, LONGEST - waiting)}
    )


async def take_lost(
    connection: Connection, kind: JobKind, *, waiting: int, resend_after: timedelta
) -> Cursor:
    """Jobs whose message is lost, marked as sent now. To be asked before others are taken.

    Those that were sent `resend_after` ago and not acted on, the oldest first, and only as many as
    there are more sent jobs than `waiting` messages: a message that waits behind others is not lost. Redis
    may have been wiped, or a worker killed between taking a message and claiming the job. Gives ids,
    subjects, and zeros for turns.
    """
    return await connection.execute(
        f"UPDATE jobs SET sent_at = now() WHERE id = ANY(ARRAY("  # noqa: S608  (constants only)
        f"  SELECT id FROM jobs WHERE {SENT} AND kind = %(kind)s AND due_at <= now()"
        "    AND sent_at < now() - %(after)s ORDER BY sent_at"
        "  LIMIT greatest(0, (SELECT count(*) FROM ("
        f"    SELECT FROM jobs WHERE {SENT} AND kind = %(kind)s LIMIT {2 * LONGEST}) AS sent) - %(waiting)s)"
        "  FOR UPDATE SKIP LOCKED)) RETURNING id, subject_id, 0",
        {"kind": kind, "waiting": waiting, "after": resend_after},
    )


async def take_suspect(connection: Connection, kind: JobKind) -> Cursor:
    """The job, if any, that is due after two lost workers or more; none while another such is under way.

    Alone, so that those which a deadly job took along with it are never beside it again. Only
    after `one_at_a_time`, or two could find that there is none. One of another kind that nobody has
    claimed for a minute, since nobody may serve its queue, is called back: its message then starts
    nothing. Gives id, subject, and zero for a turn.
    """
    await connection.execute(
        "UPDATE jobs SET sent_at = NULL, due_at = now() WHERE id = ANY(ARRAY("  # noqa: S608  (constants only)
        f"  SELECT id FROM jobs WHERE {SUSPECT_QUEUED} AND kind <> %(kind)s"
        "  AND sent_at < now() - interval '1 minute' FOR UPDATE SKIP LOCKED))"
        f" AND EXISTS (SELECT FROM jobs WHERE {SUSPECT_QUEUED} AND sent_at IS NULL AND kind = %(kind)s"
        "  AND due_at <= now())",
        {"kind": kind},
    )
    return await connection.execute(
        "UPDATE jobs SET sent_at = now() WHERE id = ("  # noqa: S608  (constants only)
        f"  SELECT id FROM jobs WHERE {SUSPECT_QUEUED} AND sent_at IS NULL AND kind = %(kind)s"
        "  AND due_at <= now() ORDER BY due_at LIMIT 1 FOR UPDATE SKIP LOCKED)"
        f" AND NOT EXISTS (SELECT FROM jobs WHERE {SUSPECT_QUEUED} AND sent_at IS NOT NULL)"
        f" AND NOT EXISTS (SELECT FROM jobs WHERE {SUSPECT_RUNNING})"
        " RETURNING id, subject_id, 0",
        {"kind": kind},
    )
