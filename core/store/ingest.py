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
class Stored:
    """What was new among the events given."""

    event_ids: frozenset[UUID]
    job_ids: frozenset[UUID]
    analysed_ids: frozenset[UUID]
    """Events, new or known, that have their analysis already."""


_STORE = """
WITH incoming AS (
  SELECT * FROM unnest(
    %s::uuid[], %s::uuid[], %s::uuid[], %s::text[], %s::smallint[], %s::text[], %s::text[],
    %s::smallint[], %s::timestamptz[], %s::jsonb[], %s::uuid[]
  ) AS t (id, project_id, group_id, fingerprint, fingerprint_version, title, event_key,
          status_code, occurred_at, payload, job_id)
), new_groups AS (
  INSERT INTO error_groups (id, project_id, fingerprint, fingerprint_version, title)
  SELECT DISTINCT ON (group_id) group_id, project_id, fingerprint, fingerprint_version, title
  FROM incoming ORDER BY group_id
  ON CONFLICT DO NOTHING
), new_events AS (
  INSERT INTO error_events (id, project_id, group_id, event_key, status_code, occurred_at, payload)
  SELECT id, project_id, group_id, event_key, status_code, occurred_at, payload
  FROM incoming ORDER BY id
  ON CONFLICT DO NOTHING
  RETURNING id
), new_jobs AS (
  INSERT INTO jobs (id, kind, subject_id, version, project_id, sent_at, request_id)
  SELECT DISTINCT ON (job_id) job_id, %s, group_id, %s, project_id, now(), %s
  FROM incoming WHERE job_id IS NOT NULL ORDER BY job_id
  ON CONFLICT DO NOTHING
  RETURNING id
)
SELECT true AS is_event, id FROM new_events UNION ALL SELECT false, id FROM new_jobs
"""

_REUSE = """
WITH copies AS (
  INSERT INTO error_analysis (error_event_id, group_id, analysis_text, model, confidence, detail,
                              prompt_version, reused_from)
  SELECT e.id, e.group_id, o.analysis_text, o.model, o.confidence, o.detail, o.prompt_version,
         o.error_event_id
  FROM error_events e
  JOIN error_analysis o ON o.group_id = e.group_id AND o.prompt_version = %s AND o.reused_from IS NULL
  WHERE e.id = ANY(%s)
  ON CONFLICT DO NOTHING
  RETURNING error_event_id
)
SELECT error_event_id FROM copies
UNION SELECT error_event_id FROM error_analysis WHERE error_event_id = ANY(%s)
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
    to_analyse = [event.id for event in events if event.job_id is not None]

    async def write(connection: Connection) -> tuple[Cursor, Cursor | None]:
        written = await connection.execute(
            _STORE, (*columns, payloads, job_ids, JobKind.ANALYSE_GROUP, version, request_id)
        )
        if not to_analyse:
            return written, None
        return written, await connection.execute(_REUSE, (version, to_analyse, to_analyse))

    # Fetched after the commit: inside, it would cost a round trip.
    try:
        written, reused = await database.transaction(write)
    except ForeignKeyViolation as exc:
        raise NotFound("a project was deleted meanwhile") from exc
    rows = await written.fetchall()
    return Stored(
        event_ids=frozenset(id_ for is_event, id_ in rows if is_event),
        job_ids=frozenset(id_ for is_event, id_ in rows if not is_event),
        analysed_ids=frozenset(id_ for (id_,) in await reused.fetchall()) if reused else frozenset(),
    )
