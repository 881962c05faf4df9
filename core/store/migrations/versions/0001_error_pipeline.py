"""error pipeline."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "heartbeats",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_heartbeats")),
    )
    op.create_table(
        "llm_calls",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("job_id", sa.Uuid(), nullable=False, comment="outlives the job"),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("provider", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("prompt_tokens", sa.Integer(), nullable=False),
        sa.Column("cached_tokens", sa.Integer(), nullable=False),
        sa.Column("completion_tokens", sa.Integer(), nullable=False),
        sa.Column(
            "cost_usd",
            sa.Numeric(precision=14, scale=8),
            nullable=True,
            comment="null: the model's price is not known",
        ),
        sa.Column("latency_ms", sa.Integer(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_llm_calls")),
    )
    op.create_index(op.f("ix_llm_calls_job_id"), "llm_calls", ["job_id"], unique=False)
    op.create_index("ix_llm_calls_spent", "llm_calls", ["project_id", "created_at"], unique=False)
    op.create_table(
        "projects",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), sa.Identity(always=True), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_projects")),
        sa.UniqueConstraint("key", name=op.f("uq_projects_key")),
        sa.UniqueConstraint("number", name=op.f("uq_projects_number")),
    )
    op.create_table(
        "api_keys",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("hash", sa.Text(), nullable=False, comment="sha-256 of the key, hexadecimal"),
        sa.Column("scope", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=True, comment="null: every project"),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("scope IN ('ingest', 'read', 'write', 'admin')", name=op.f("ck_api_keys_scope")),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_api_keys_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_keys")),
        sa.UniqueConstraint("hash", name=op.f("uq_api_keys_hash")),
    )
    op.create_index(op.f("ix_api_keys_project_id"), "api_keys", ["project_id"], unique=False)
    op.create_table(
        "error_groups",
        sa.Column("id", sa.Uuid(), nullable=False, comment="follows from project, version and fingerprint"),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("fingerprint", sa.Text(), nullable=False),
        sa.Column("fingerprint_version", sa.SmallInteger(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default="open", nullable=False),
        sa.Column("first_seen", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("status IN ('open', 'resolved', 'ignored')", name=op.f("ck_error_groups_status")),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_error_groups_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_error_groups")),
        sa.UniqueConstraint(
            "project_id",
            "fingerprint_version",
            "fingerprint",
            name=op.f("uq_error_groups_project_id_fingerprint_version_fingerprint"),
        ),
    )
    op.create_index(
        "ix_error_groups_newest",
        "error_groups",
        [sa.literal_column("first_seen DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_table(
        "jobs",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), server_default="queued", nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column(
            "force",
            sa.Boolean(),
            server_default=sa.text("false"),
            nullable=False,
            comment="ask again though known",
        ),
        sa.Column("attempts", sa.SmallInteger(), server_default="0", nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=True),
        sa.Column(
            "claimed_by",
            sa.Text(),
            nullable=True,
            comment="one claim of one worker process; the fence for its writes",
        ),
        sa.Column("last_error", sa.Text(), nullable=True),
        sa.Column("request_id", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'done', 'skipped', 'failed', 'dead')", name=op.f("ck_jobs_state")
        ),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_jobs_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_jobs")),
        sa.UniqueConstraint("kind", "subject_id", "version", name=op.f("uq_jobs_kind_subject_id_version")),
    )
    op.create_index(
        "ix_jobs_by_state",
        "jobs",
        ["state", sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(
        "ix_jobs_leased", "jobs", ["lease_until"], unique=False, postgresql_where=sa.text("state = 'running'")
    )
    op.create_index(op.f("ix_jobs_project_id"), "jobs", ["project_id"], unique=False)
    op.create_index(
        "ix_jobs_waiting", "jobs", ["due_at"], unique=False, postgresql_where=sa.text("state = 'queued'")
    )
    op.create_table(
        "error_events",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column(
            "project_id",
            sa.Uuid(),
            nullable=False,
            comment="the group's; no foreign key: one check a row is enough",
        ),
        sa.Column("group_id", sa.Uuid(), nullable=False),
        sa.Column("event_key", sa.Text(), nullable=True, comment="the client's event_id or Idempotency-Key"),
        sa.Column("status_code", sa.SmallInteger(), nullable=False),
        sa.Column("payload", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("occurred_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            sa.Computed("received_at", persisted=True),
            nullable=True,
            comment="another name for received_at",
        ),
        sa.ForeignKeyConstraint(
            ["group_id"], ["error_groups.id"], name=op.f("fk_error_events_group_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_error_events")),
    )
    op.create_index("ix_error_events_group", "error_events", ["group_id", "received_at", "id"], unique=False)
    op.create_index(
        "ix_error_events_newest",
        "error_events",
        [sa.literal_column("received_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(
        "ix_error_events_project",
        "error_events",
        ["project_id", sa.literal_column("received_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(
        "uq_error_events_key",
        "error_events",
        ["project_id", "event_key"],
        unique=True,
        postgresql_where=sa.text("event_key IS NOT NULL"),
    )
    op.create_table(
        "error_analysis",
        sa.Column("error_event_id", sa.Uuid(), nullable=False),
        sa.Column("group_id", sa.Uuid(), nullable=False, comment="the event's"),
        sa.Column("analysis_text", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("detail", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("prompt_version", sa.Text(), nullable=False),
        sa.Column(
            "reused_from",
            sa.Uuid(),
            nullable=True,
            comment="the event whose analysis this copies; null: asked for this event",
        ),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("confidence BETWEEN 0 AND 1", name=op.f("ck_error_analysis_confidence")),
        sa.ForeignKeyConstraint(
            ["error_event_id"],
            ["error_events.id"],
            name=op.f("fk_error_analysis_error_event_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("error_event_id", name=op.f("pk_error_analysis")),
    )
    op.create_index(
        "uq_error_analysis_original",
        "error_analysis",
        ["group_id", "prompt_version"],
        unique=True,
        postgresql_where=sa.text("reused_from IS NULL"),
    )


def downgrade() -> None:
    op.drop_index(
        "uq_error_analysis_original",
        table_name="error_analysis",
        postgresql_where=sa.text("reused_from IS NULL"),
    )
    op.drop_table("error_analysis")
    op.drop_index(
        "uq_error_events_key", table_name="error_events", postgresql_where=sa.text("event_key IS NOT NULL")
    )
    op.drop_index("ix_error_events_project", table_name="error_events")
    op.drop_index("ix_error_events_newest", table_name="error_events")
    op.drop_index("ix_error_events_group", table_name="error_events")
    op.drop_table("error_events")
    op.drop_index("ix_jobs_waiting", table_name="jobs", postgresql_where=sa.text("state = 'queued'"))
    op.drop_index(op.f("ix_jobs_project_id"), table_name="jobs")
    op.drop_index("ix_jobs_leased", table_name="jobs", postgresql_where=sa.text("state = 'running'"))
    op.drop_index("ix_jobs_by_state", table_name="jobs")
    op.drop_table("jobs")
    op.drop_index("ix_error_groups_newest", table_name="error_groups")
    op.drop_table("error_groups")
    op.drop_index(op.f("ix_api_keys_project_id"), table_name="api_keys")
    op.drop_table("api_keys")
    op.drop_table("projects")
    op.drop_index("ix_llm_calls_spent", table_name="llm_calls")
    op.drop_index(op.f("ix_llm_calls_job_id"), table_name="llm_calls")
    op.drop_table("llm_calls")
    op.drop_table("heartbeats")
