"""The schema. Migrations are made from it (`alembic revision --autogenerate`); a test holds both equal."""

from __future__ import annotations

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Date,
    DateTime,
    Double,
    ForeignKey,
    Identity,
    Index,
    Integer,
    MetaData,
    Numeric,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    desc,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from core.domain.job import JobState
from core.store import open_jobs

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

_NOW = func.now()
_INGEST_RATE = "events a minute; null: as the settings say"


def _time(name: str, *, nullable: bool = False, default: bool = True) -> Column[object]:
    server_default = _NOW if default and not nullable else None
    return Column(name, DateTime(timezone=True), nullable=nullable, server_default=server_default)


projects = Table(
    "projects",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("number", Integer, Identity(always=True), unique=True, nullable=False),
    Column("key", Text, unique=True, nullable=False),
    Column("title", Text, nullable=False, server_default=""),
    Column("description", Text, nullable=False, server_default=""),
    Column("content", Text, nullable=False, server_default=""),
    Column("language", Text, comment="ISO 639-1; null: to be found out"),
    Column("status", Text, nullable=False, server_default="published"),
    Column("summary", Text, comment="people's own, as tags, category and keywords: never overwritten"),
    Column("tags", ARRAY(Text), nullable=False, server_default="{}"),
    Column("category", Text),
    Column("keywords", ARRAY(Text), nullable=False, server_default="{}"),
    Column("tag_vocabulary", Text, nullable=False, server_default="free"),
    Column("tag_merge", Text, nullable=False, server_default="append"),
    Column("output_language", Text, comment="of generated metadata; null: the text's own"),
    Column("instructions", Text),
    Column("budget_day_usd", Numeric(12, 4), comment="null: only the caps of all projects"),
    Column("budget_month_usd", Numeric(12, 4)),
    Column("ingest_rate", Integer, comment=_INGEST_RATE),
    _time("created_at"),
    _time("updated_at"),
    CheckConstraint("status IN ('draft', 'published')", name="status"),
    CheckConstraint("tag_vocabulary IN ('free', 'prefer-existing', 'only-existing')", name="vocabulary"),
    CheckConstraint("tag_merge IN ('append', 'replace')", name="tag_merge"),
    CheckConstraint("ingest_rate > 0", name="ingest_rate"),
    Index("ix_projects_newest", desc("created_at"), desc("id")),
)

project_metadata = Table(
    "project_metadata",
    metadata,
    Column("project_id", ForeignKey("projects.id", ondelete="CASCADE"), primary_key=True),
    Column("summary", Text, nullable=False),
    Column("tags", ARRAY(Text), nullable=False),
    Column("category", Text, nullable=False),
    Column("keywords", ARRAY(Text), nullable=False),
    Column("language", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("prompt_version", Text, nullable=False),
    Column("content_hash", Text, nullable=False, comment="of all that decided the answer"),
    Column("confidence", Double, nullable=False),
    _time("created_at"),
    CheckConstraint("confidence BETWEEN 0 AND 1", name="confidence"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("hash", Text, unique=True, nullable=False, comment="sha-256 of the key, hexadecimal"),
    Column("scope", Text, nullable=False),
    Column(
        "project_id",
        ForeignKey("projects.id", ondelete="CASCADE"),
        index=True,
        comment="null: every project",
    ),
    Column("name", Text, nullable=False, server_default=""),
    Column("ingest_rate", Integer, comment=_INGEST_RATE),
    _time("created_at"),
    _time("revoked_at", nullable=True),
    _time("expires_at", nullable=True),
    Column(
        "replaced_by",
        ForeignKey("api_keys.id", ondelete="SET NULL"),
        comment="the key that a rotation made; this one ends at expires_at",
    ),
    CheckConstraint("scope IN ('ingest', 'read', 'write', 'admin')", name="scope"),
    CheckConstraint("ingest_rate > 0", name="ingest_rate"),
)

error_groups = Table(
    "error_groups",
    metadata,
    Column("id", Uuid, primary_key=True, comment="follows from project, version and fingerprint"),
    Column("project_id", ForeignKey("projects.id", ondelete="CASCADE"), nullable=False),
    Column("fingerprint", Text, nullable=False),
    Column("fingerprint_version", SmallInteger, nullable=False),
    Column("title", Text, nullable=False),
    Column("status", Text, nullable=False, server_default="open"),
    _time("first_seen"),
    UniqueConstraint("project_id", "fingerprint_version", "fingerprint"),
    CheckConstraint("status IN ('open', 'resolved', 'ignored')", name="status"),
    Index("ix_error_groups_newest", desc("first_seen"), desc("id")),
    Index("ix_error_groups_project", "project_id", desc("first_seen"), desc("id")),
)

error_events = Table(
    "error_events",
    metadata,
    Column("id", Uuid, primary_key=True, comment="follows from project and event_key where there is one"),
    Column(
        "project_id", Uuid, nullable=False, comment="the group's; no foreign key: one check a row is enough"
    ),
    Column("group_id", ForeignKey("error_groups.id", ondelete="CASCADE"), nullable=False),
    Column("event_key", Text, comment="the client's event_id or Idempotency-Key"),
    Column("status_code", SmallInteger, nullable=False),
    Column("payload", JSONB, nullable=False),
    _time("occurred_at", default=False),
    _time("received_at"),
    Column(
        "created_at",
        DateTime(timezone=True),
        Computed("received_at", persisted=True),
        comment="another name for received_at",
    ),
    Index("ix_error_events_newest", desc("received_at"), desc("id")),
    Index("ix_error_events_project", "project_id", desc("received_at"), desc("id")),
    Index("ix_error_events_group", "group_id", "received_at", "id"),
)

error_analysis = Table(
    "error_analysis",
    metadata,
    Column("error_event_id", ForeignKey("error_events.id", ondelete="CASCADE"), primary_key=True),
    Column("group_id", Uuid, nullable=False, comment="the event's"),
    Column("analysis_text", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("confidence", Double, nullable=False),
    Column("detail", JSONB, nullable=False),
    Column("prompt_version", Text, nullable=False),
    Column("reused_from", Uuid, comment="the event whose analysis this copies; null: asked for this event"),
    _time("created_at"),
    CheckConstraint("confidence BETWEEN 0 AND 1", name="confidence"),
    Index(
        "uq_error_analysis_original",
        "group_id",
        "prompt_version",
        unique=True,
        postgresql_where=text("reused_from IS NULL"),
    ),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("subject_id", Uuid, nullable=False),
    Column("version", Text, nullable=False),
    Column("project_id", ForeignKey("projects.id", ondelete="CASCADE"), nullable=False),
    Column("state", Text, nullable=False, server_default=JobState.QUEUED),
    Column("reason", Text),
    Column("force", Boolean, nullable=False, server_default=text("false"), comment="ask again though known"),
    Column("attempts", SmallInteger, nullable=False, server_default="0"),
    Column(
        "losses",
        SmallInteger,
        nullable=False,
        server_default="0",
        comment="workers that died or hung with it",
    ),
    _time("due_at"),
    _time("sent_at", nullable=True),
    _time("lease_until", nullable=True),
    Column("claimed_by", Text, comment="one claim of one worker process; the fence for its writes"),
    Column("last_error", Text),
    Column("request_id", Text),
    _time("created_at"),
    _time("finished_at", nullable=True),
    UniqueConstraint("kind", "subject_id", "version"),
    CheckConstraint("state IN ({})".format(", ".join(f"'{s}'" for s in JobState)), name="state"),
    Index("ix_jobs_waiting", "due_at", postgresql_where=text(open_jobs.WAITING)),
    Index(
        "ix_jobs_sent",
        "kind",
        "project_id",
        postgresql_where=text(open_jobs.SENT),
    ),
    Index(
        "ix_jobs_unsent",
        "kind",
        "project_id",
        "due_at",
        postgresql_where=text(open_jobs.UNSENT),
    ),
    Index(
        "ix_jobs_suspect",
        "due_at",
        postgresql_where=text(open_jobs.SUSPECT),
    ),
    Index("ix_jobs_leased", "lease_until", postgresql_where=text(open_jobs.LEASED)),
    Index("ix_jobs_paused", "due_at", postgresql_where=text(open_jobs.PAUSED)),
    Index("ix_jobs_by_state", "state", desc("created_at"), desc("id")),
    Index("ix_jobs_project", "project_id", "state", desc("created_at"), desc("id")),
    # What a job leaves in the indexes of open ones is passed by each look until then.
    postgresql_with={"autovacuum_vacuum_scale_factor": 0.05},
)

llm_calls = Table(
    "llm_calls",
    metadata,
    Column("id", Uuid, primary_key=True),
    Column("job_id", Uuid, nullable=False, index=True, comment="outlives the job"),
    Column("project_id", Uuid, nullable=False),
    Column("provider", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("prompt_tokens", Integer, nullable=False),
    Column("cached_tokens", Integer, nullable=False),
    Column("completion_tokens", Integer, nullable=False),
    Column("cost_usd", Numeric(14, 8), comment="null: the model's price is not known"),
    Column("latency_ms", Integer, nullable=False),
    Column("outcome", Text, nullable=False),
    _time("created_at"),
    Index("ix_llm_calls_spent", "project_id", "created_at"),
)

budget_windows = Table(
    "budget_windows",
    metadata,
    Column("scope", Uuid, primary_key=True, comment="a project, or all zeros: every project"),
    Column("period", Text, primary_key=True),
    Column("starts", Date, primary_key=True, comment="UTC"),
    Column("spent", Numeric(14, 8), nullable=False),
    CheckConstraint("period IN ('day', 'month')", name="period"),
)

budget_holds = Table(
    "budget_holds",
    metadata,
    Column("job_id", Uuid, primary_key=True),
    Column("project_id", Uuid, nullable=False),
    Column("usd", Numeric(14, 8), nullable=False, comment="the estimate of the call that is under way"),
    _time("held_until", default=False),
)

heartbeats = Table(
    "heartbeats",
    metadata,
    Column("name", Text, primary_key=True),
    _time("seen_at"),
)
