"""Analyses: one original for a group and prompt version, and a copy for each of its other events."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from uuid import UUID

from psycopg.types.json import Jsonb

from core.domain.event import EventContent
from core.domain.job import JobState
from core.store import jobs
from core.store.database import Connection, Cursor
from core.store.jobs import Claim
from core.store.payload import content_of


@dataclass(frozen=True, kw_only=True, slots=True)
class NewAnalysis:
    analysis_text: str
    model: str
    confidence: float
    detail: dict[str, object]


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """How far copying has come through a group's events; `visited` of them."""

    received_at: datetime
    event_id: UUID
    visited: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Subject:
    """What a job is to analyse: the group's newest event that needs it; None where there is none.

    `is_analysed`: the group has its analysis of the job's version already.
    """

    event_id: UUID | None
    content: EventContent | None
    is_analysed: bool


async def subject_of(connection: Connection, job_id: UUID) -> Cursor:
    """`read_subject` reads the answer."""
    return await connection.execute(
        "SELECT e.id, e.status_code, e.payload,"
        "  EXISTS (SELECT FROM error_analysis a WHERE a.group_id = j.subject_id"
        "          AND a.prompt_version = j.version AND a.reused_from IS NULL)"
        " FROM jobs j LEFT JOIN LATERAL ("
        "   SELECT id, status_code, payload FROM error_events"
        "   WHERE group_id = j.subject_id AND status_code >= 500"
        "   ORDER BY received_at DESC, id DESC LIMIT 1) e ON true"
        " WHERE j.id = %s",
        (job_id,),
    )


async def read_subject(cursor: Cursor) -> Subject:
    row = await cursor.fetchone()
    if row is None or row[0] is None:
        return Subject(event_id=None, content=None, is_analysed=False)
    event_id, status_code, payload, known = row
    return Subject(event_id=event_id, content=content_of(status_code, payload), is_analysed=known)


async def publish(
    connection: Connection, claim: Claim, analysis: NewAnalysis, *, event_id: UUID | None
) -> None:
    """Store the group's original analysis, as that of the event. The same transaction must end the claim.

    The group's row is locked first, which waits for every ingest that has stored events of the group
    but not committed; later ones see this analysis and copy it themselves. With `claim.force` the
    original is overwritten in place, so that its copies keep pointing at it.
    """
    await connection.execute("SELECT 1 FROM error_groups WHERE id = %s FOR UPDATE", (claim.subject_id,))
    await connection.execute(
        "WITH renewed AS ("
        "  UPDATE error_analysis SET analysis_text = %(text)s, model = %(model)s,"
        "    confidence = %(confidence)s, detail = %(detail)s, created_at = clock_timestamp()"
        "  WHERE group_id = %(group)s AND prompt_version = %(version)s AND reused_from IS NULL"
        "  RETURNING error_event_id)"
        " INSERT INTO error_analysis (error_event_id, group_id, analysis_text, model, confidence, detail,"
        "                             prompt_version, created_at)"
        " SELECT %(event)s, %(group)s, %(text)s, %(model)s, %(confidence)s, %(detail)s, %(version)s,"
        "   clock_timestamp()"
        " WHERE NOT EXISTS (SELECT FROM renewed)"
        # The event may carry the analysis of an older prompt: this one takes its place.
        " ON CONFLICT (error_event_id) DO UPDATE SET analysis_text = excluded.analysis_text,"
        "   model = excluded.model, confidence = excluded.confidence, detail = excluded.detail,"
        "   prompt_version = excluded.prompt_version, reused_from = NULL, created_at = clock_timestamp()",
        {
            "event": event_id,
            "group": claim.subject_id,
            "text": analysis.analysis_text,
            "model": analysis.model,
            "confidence": analysis.confidence,
            "detail": Jsonb(analysis.detail),
            "version": claim.version,
        },
    )


# The job's row comes last, when all copies are made (which is what counting them is for): an ingest of the
# group's errors waits for whoever has written it.
_COPY = f"""
WITH batch AS (
  SELECT id, received_at FROM error_events
  WHERE group_id = %(group)s AND status_code >= 500
    AND (received_at, id) > (%(received_at)s, %(event_id)s)
  ORDER BY received_at, id LIMIT %(limit)s
), original AS (
  SELECT * FROM error_analysis
  WHERE group_id = %(group)s AND prompt_version = %(version)s AND reused_from IS NULL
), copies AS (
  INSERT INTO error_analysis AS a (error_event_id, group_id, analysis_text, model, confidence, detail,
                                   prompt_version, reused_from)
  SELECT b.id, o.group_id, o.analysis_text, o.model, o.confidence, o.detail, o.prompt_version,
         o.error_event_id
  FROM batch b CROSS JOIN original o
  WHERE b.id <> o.error_event_id AND coalesce((
    -- A subquery a row and no join: the planner would hash every analysis there is.
    SELECT a.prompt_version = o.prompt_version AND a.created_at < o.created_at
    FROM error_analysis a WHERE a.error_event_id = b.id), true)
  ON CONFLICT (error_event_id) DO UPDATE SET analysis_text = excluded.analysis_text,
    model = excluded.model, confidence = excluded.confidence, detail = excluded.detail,
    reused_from = excluded.reused_from, created_at = clock_timestamp()
  WHERE a.prompt_version = excluded.prompt_version
  RETURNING 1
), progress AS (
  SELECT (SELECT count(*) FROM copies) >= 0 AND (SELECT count(*) FROM batch) < %(limit)s AS is_done
), ended AS (
  {jobs.END} AND (SELECT is_done FROM progress)
), held AS (
  {jobs.HOLD} AND (SELECT NOT is_done FROM progress)
)
SELECT count(*), max(received_at), (array_agg(id ORDER BY received_at DESC, id DESC))[1] FROM batch
"""  # noqa: S608  (constants only)

_START = Place(received_at=datetime(1970, 1, 1, tzinfo=UTC), event_id=UUID(int=0))


async def copy_to_events(connection: Connection, claim: Claim, *, after: Place | None, limit: int) -> Cursor:
    """Give the group's next `limit` events their copy, and end the claim with the last of them; renews copies
    older than the original. Only inside `jobs.fenced`.

    Fetch the cursor after the commit, for no round trip, and hand it to `place_reached`.
    """
    place = after or _START
    values = {"group": claim.subject_id, "version": claim.version, "limit": limit}
    values |= {"received_at": place.received_at, "event_id": place.event_id}
    return await connection.execute(_COPY, values | jobs.ending(claim, JobState.DONE))


async def place_reached(cursor: Cursor, *, after: Place | None, limit: int) -> Place | None:
    """Where to go on copying; None: every event has been visited."""
    row = await cursor.fetchone()
    if row is None or row[0] < limit:
        return None
    visited = (after or _START).visited + row[0]
    return Place(received_at=row[1], event_id=row[2], visited=visited)
