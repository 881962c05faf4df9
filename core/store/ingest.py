"""What one request's events write: groups, events, jobs, and copies of analyses that exist.

Two statements in one transaction, sent together. The second must see what committed while the first
waited: it copies a group's analysis to the new events, and `analyses.publish` locks the group row
that the events' foreign key also locks. Whichever of the two comes second sees the other, so no
event is left without its analysis. `docs/decisions.md` has the whole argument.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.errors import ForeignKeyViolation
from psycopg.types.json import Jsonb

from core.domain.job import JobKind
from core.errors import NotFound
from core.store import dispatch
from core.store.database import Connection, Cursor, Database


@dataclass(frozen=True, kw_only=True, slots=True)
class NewEvent:
    """One row of `error_events`, with what its group and job need if they are new."""

    id: UUID
    project_id: UUID
    group_id: UUID
    fingerprint: str
    fingerprint_version: int
    title: str
    event_key: str | None
    status_code: int
    occurred_at: datetime
    payload: dict[str, object]
    job_id: UUID | None
    """None: not to be analysed."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredEvent:
    """An event as it is stored, which for one sent again is as it was sent first."""

    group_id: UUID
    status_code: int
    is_analysed: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """`events` has all that were given, by id. `job_ids_to_send` are those of new jobs that whoever stored
    them is to send; other new ones are the sweeper's."""

    events: dict[UUID, StoredEvent]
    new_event_ids: frozenset[UUID]
    job_ids_to_send: frozenset[UUID]


_KIND = f"'{JobKind.ANALYSE_GROUP}'"

# Groups and jobs come of events that are new: one sent again under the same key with other content must
# not leave a group without an event, whose job would end with nothing done.
_STORE = f"""
WITH incoming AS (
  SELECT * FROM unnest(
    %s::uuid[], %s::uuid[], %s::uuid[], %s::text[], %s::smallint[], %s::text[], %s::text[],
    %s::smallint[], %s::timestamptz[], %s::jsonb[], %s::uuid[]
  ) AS t (id, project_id, group_id, fingerprint, fingerprint_version, title, event_key,
          status_code, occurred_at, payload, job_id)
), new_events AS (
  INSERT INTO error_events (id, project_id, group_id, event_key, status_code, occurred_at, payload)
  SELECT id, project_id, group_id, event_key, status_code, occurred_at, payload
  FROM incoming ORDER BY id
  ON CONFLICT DO NOTHING
  RETURNING id, group_id
), fresh AS (
  SELECT incoming.* FROM incoming JOIN new_events USING (id, group_id)
), new_groups AS (
  INSERT INTO error_groups (id, project_id, fingerprint, fingerprint_version, title)
  SELECT DISTINCT ON (group_id) group_id, project_id, fingerprint, fingerprint_version, title
  FROM fresh ORDER BY group_id
  ON CONFLICT DO NOTHING
), wanted AS (
  -- Most are known, and no turn is reckoned for them; yet they are tried, since one may be deleted just now.
  SELECT DISTINCT ON (job_id) job_id, group_id, project_id,
    EXISTS (SELECT FROM jobs WHERE id = job_id) AS is_known
  FROM fresh WHERE job_id IS NOT NULL ORDER BY job_id
), new_jobs AS (
  INSERT INTO jobs (id, kind, subject_id, version, project_id, sent_at, request_id)
  SELECT job_id, {_KIND}, group_id, %s, project_id,
    CASE WHEN is_known THEN now() ELSE {dispatch.sent_at("job", kind=_KIND)} END, %s
  FROM (SELECT *, row_number() OVER (PARTITION BY project_id, is_known ORDER BY job_id) AS nth
        FROM wanted) AS job
  ORDER BY job_id
  ON CONFLICT DO NOTHING
  RETURNING id, sent_at
)
SELECT true AS is_event, id FROM new_events
UNION ALL SELECT false, id FROM new_jobs WHERE sent_at IS NOT NULL
"""  # noqa: S608  (constants only)

_REUSE = """
WITH copies AS (
  INSERT INTO error_analysis (error_event_id, group_id, analysis_text, model, confidence, detail,
                              prompt_version, reused_from)
  SELECT e.id, e.group_id, o.analysis_text, o.model, o.confidence, o.detail, o.prompt_version,
         o.error_event_id
  FROM error_events e
  JOIN error_analysis o ON o.group_id = e.group_id AND o.prompt_version = %s AND o.reused_from IS NULL
  WHERE e.id = ANY(%s) AND e.status_code >= 500
  ON CONFLICT DO NOTHING
  RETURNING error_event_id
)
SELECT e.id, e.group_id, e.status_code,
       EXISTS (SELECT FROM copies WHERE error_event_id = e.id)
       OR EXISTS (SELECT FROM error_analysis WHERE error_event_id = e.id)
FROM error_events e WHERE e.id = ANY(%s)
"""


async def store_events(
    database: Database, events: Sequence[NewEvent], *, version: str, request_id: str
) -> Stored:
    """Write all events in one round trip. Those stored before are left as they are.

    `version` is the prompt version that jobs and copies are for. Raises StoreUnavailable,
    and NotFound when a project is gone.
    """
    columns = [
        [getattr(event, name) for event in events]
        for name in (
            "id",
            "project_id",
            "group_id",
            "fingerprint",
            "fingerprint_version",
            "title",
            "event_key",
            "status_code",
            "occurred_at",
        )
    ]
    payloads = [Jsonb(event.payload) for event in events]
    job_ids = [event.job_id for event in events]
    event_ids = [event.id for event in events]

    async def write(connection: Connection) -> tuple[Cursor, Cursor]:
        written = await connection.execute(_STORE, (*columns, payloads, job_ids, version, request_id))
        return written, await connection.execute(_REUSE, (version, event_ids, event_ids))

    # Fetched after the commit: inside, it would cost a round trip.
    try:
        written, known = await database.transaction(write)
    except ForeignKeyViolation as exc:
        raise NotFound("a project was deleted meanwhile") from exc
    rows = await written.fetchall()
    return Stored(
        events={
            id_: StoredEvent(group_id=group_id, status_code=status_code, is_analysed=is_analysed)
            for id_, group_id, status_code, is_analysed in await known.fetchall()
        },
        new_event_ids=frozenset(id_ for is_event, id_ in rows if is_event),
        job_ids_to_send=frozenset(id_ for is_event, id_ in rows if not is_event),
    )
