"""What requests' events write: groups, events, jobs, and copies of analyses that exist.

Two statements in one transaction, sent together. The second must see what committed while the first
waited: it copies a group's analysis to the new events, and `analyses.publish` locks the group row
that the events' foreign key also locks. Whichever of the two comes second sees the other, so no
event is left without its analysis. `docs/decisions.md` has the whole argument.

Both are planned once a connection, whatever the tables hold by then. So they are written such that every
row is found by an index: by subqueries that the planner cannot make a join of.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.errors import ForeignKeyViolation
from pydantic_core import to_json

from core.domain.job import JobKind
from core.errors import NotFound
from core.store import dispatch
from core.store.database import Connection, Database
from core.store.pipelined import Parameters, PreparedTransaction, Values


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
class Rows:
    """One request's events, made ready to be written together with other requests'."""

    events: Sequence[NewEvent]
    json: bytes
    """The members of a JSON array."""


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredEvent:
    """An event as it is stored, which for one sent again is as it was sent first."""

    group_id: UUID
    status_code: int
    is_analysed: bool
    is_new: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Stored:
    """`events` has one for each that was given, in their order; None: stored now as it was given, and not
    analysed yet, as most are. `job_ids_to_send` are those of new jobs that whoever stored them is to send;
    other new ones are the sweeper's."""

    events: list[StoredEvent | None]
    job_ids_to_send: frozenset[UUID]


_KIND = f"'{JobKind.ANALYSE_GROUP}'"

# Groups and jobs come of events that are new: one sent again under the same key with other content must
# not leave a group without an event, whose job would end with nothing done.
_STORE = f"""
WITH incoming AS (
  SELECT * FROM ROWS FROM (json_to_recordset($1) AS (
    id uuid, project_id uuid, group_id uuid, fingerprint text, fingerprint_version smallint, title text,
    event_key text, status_code smallint, occurred_at timestamptz, payload jsonb, job_id uuid, request_id text
  )) WITH ORDINALITY AS t (
    id, project_id, group_id, fingerprint, fingerprint_version, title,
    event_key, status_code, occurred_at, payload, job_id, request_id, position)
), new_events AS (
  INSERT INTO error_events (id, project_id, group_id, event_key, status_code, occurred_at, payload)
  SELECT id, project_id, group_id, event_key, status_code, occurred_at, payload
  FROM incoming ORDER BY id, position
  ON CONFLICT DO NOTHING
  RETURNING id, group_id
), fresh AS (
  SELECT incoming.* FROM incoming JOIN new_events USING (id, group_id)
), new_groups AS (
  INSERT INTO error_groups (id, project_id, fingerprint, fingerprint_version, title)
  SELECT DISTINCT ON (group_id) group_id, project_id, fingerprint, fingerprint_version, title
  FROM fresh ORDER BY group_id, position
  ON CONFLICT DO NOTHING
), wanted AS (
  -- Most are known, and no turn is reckoned for them; yet they are tried, since one may be deleted just now.
  SELECT DISTINCT ON (job_id) job_id, group_id, project_id, request_id,
    EXISTS (SELECT FROM jobs WHERE id = job_id) AS is_known
  FROM fresh WHERE job_id IS NOT NULL ORDER BY job_id, position
), new_jobs AS (
  INSERT INTO jobs (id, kind, subject_id, version, project_id, sent_at, request_id)
  SELECT job_id, {_KIND}, group_id, $2, project_id,
    CASE WHEN is_known THEN now() ELSE {dispatch.sent_at("job", kind=_KIND)} END, request_id
  FROM (SELECT *, row_number() OVER (PARTITION BY project_id, is_known ORDER BY job_id) AS nth
        FROM wanted) AS job
  ORDER BY job_id
  ON CONFLICT DO NOTHING
  RETURNING id, sent_at
)
SELECT id FROM new_jobs WHERE sent_at IS NOT NULL
"""  # noqa: S608  (constants only)

# What this transaction inserted is new. Of one event twice in one write, the first is.
_REUSE = """
WITH found AS (
  SELECT given.id, given.position, e.group_id, e.status_code, original.*,
    e.is_old OR row_number() OVER (PARTITION BY given.id ORDER BY given.position) > 1 AS is_known,
    (SELECT true FROM error_analysis WHERE error_event_id = given.id) AS has_own
  FROM unnest($2::uuid[]) WITH ORDINALITY AS given (id, position)
  CROSS JOIN LATERAL (
    SELECT group_id, status_code, xmin <> pg_current_xact_id()::xid AS is_old
    FROM error_events WHERE id = given.id OFFSET 0) AS e
  LEFT JOIN LATERAL (
    SELECT error_event_id, analysis_text, model, confidence, detail, prompt_version FROM error_analysis
    WHERE group_id = e.group_id AND prompt_version = $1 AND reused_from IS NULL AND e.status_code >= 500
    LIMIT 1) AS original ON true
), copies AS (
  INSERT INTO error_analysis (error_event_id, group_id, analysis_text, model, confidence, detail,
                              prompt_version, reused_from)
  SELECT id, group_id, analysis_text, model, confidence, detail, prompt_version, error_event_id
  FROM found WHERE error_event_id IS NOT NULL AND has_own IS NULL
  ON CONFLICT DO NOTHING
), answer AS (
  SELECT position, group_id, status_code,
    error_event_id IS NOT NULL OR has_own IS NOT NULL AS is_analysed, is_known
  FROM found
)
SELECT * FROM answer WHERE is_analysed OR is_known
"""

STATEMENTS = (_STORE, _REUSE)


def rows_of(events: Sequence[NewEvent], *, request_id: str) -> Rows:
    """`request_id` is noted with the jobs that these events make."""
    members = [
        {
            "id": event.id,
            "project_id": event.project_id,
            "group_id": event.group_id,
            "fingerprint": event.fingerprint,
            "fingerprint_version": event.fingerprint_version,
            "title": event.title,
            "event_key": event.event_key,
            "status_code": event.status_code,
            "occurred_at": event.occurred_at,
            "payload": event.payload,
            "job_id": event.job_id,
            "request_id": request_id,
        }
        for event in events
    ]
    return Rows(events=events, json=to_json(members)[1:-1])


def parameters_of(requests: Sequence[Rows], *, version: str) -> tuple[Parameters, Parameters]:
    """Of each of STATEMENTS."""
    ids = ",".join([event.id.hex for rows in requests for event in rows.events])
    json = b",".join([rows.json for rows in requests])
    prompt_version = version.encode()
    return (b"[%b]" % json, prompt_version), (prompt_version, b"{%b}" % ids.encode())


class EventStore:
    """Writes events to one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._transaction = PreparedTransaction(*STATEMENTS)

    async def store(self, requests: Sequence[Rows], *, version: str) -> Stored:
        """Write all events in one round trip. Those stored before are left as they are.

        `version` is the prompt version that jobs and copies are for. Raises StoreUnavailable,
        and NotFound when a project is gone.
        """
        parameters = parameters_of(requests, version=version)

        async def write(connection: Connection) -> list[Values]:
            return await self._transaction.run(connection, *parameters)

        try:
            jobs, known = await self._database.autocommit(write)
        except ForeignKeyViolation as exc:
            raise NotFound("a project was deleted meanwhile") from exc
        return _stored(sum(len(rows.events) for rows in requests), jobs, known)


def _stored(count: int, jobs: Values, known: Values) -> Stored:
    events: list[StoredEvent | None] = [None] * count
    for position, group_id, status_code, is_analysed, is_known in known:
        events[int(position) - 1] = StoredEvent(
            group_id=_uuid(group_id),
            status_code=int(status_code),
            is_analysed=is_analysed == b"t",
            is_new=is_known != b"t",
        )
    return Stored(events=events, job_ids_to_send=frozenset(_uuid(id_) for (id_,) in jobs))


def _uuid(value: bytes) -> UUID:
    return UUID(value.decode())
