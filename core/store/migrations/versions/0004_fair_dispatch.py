"""fair dispatch: what is sent and what waits to be, by project, and how often a worker was lost with a job;
pages of one project's groups and jobs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    # The constant default is kept in the catalogue: no row is rewritten. The first three indexes hold open
    # jobs only, so each costs one reading of the table; `docs/decisions.md` has the figures.
    op.add_column(
        "jobs",
        sa.Column(
            "losses",
            sa.SmallInteger(),
            server_default="0",
            nullable=False,
            comment="workers that died or hung with it",
        ),
    )
    op.create_index(
        "ix_jobs_sent",
        "jobs",
        ["kind", "project_id"],
        unique=False,
        postgresql_where=sa.text("state = 'queued' AND sent_at IS NOT NULL"),
    )
    op.create_index(
        "ix_jobs_unsent",
        "jobs",
        ["kind", "project_id", "due_at"],
        unique=False,
        postgresql_where=sa.text("state = 'queued' AND sent_at IS NULL"),
    )
    op.create_index(
        "ix_jobs_suspect",
        "jobs",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("losses >= 2 AND state IN ('queued', 'running')"),
    )
    op.drop_index(op.f("ix_jobs_project_id"), table_name="jobs")
    op.create_index(
        "ix_jobs_project",
        "jobs",
        ["project_id", "state", sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )
    op.create_index(
        "ix_error_groups_project",
        "error_groups",
        ["project_id", sa.literal_column("first_seen DESC"), sa.literal_column("id DESC")],
        unique=False,
    )


def downgrade() -> None:
    op.drop_index("ix_error_groups_project", table_name="error_groups")
    op.drop_index("ix_jobs_project", table_name="jobs")
    op.create_index(op.f("ix_jobs_project_id"), "jobs", ["project_id"], unique=False)
    op.drop_index(
        "ix_jobs_suspect",
        table_name="jobs",
        postgresql_where=sa.text("losses >= 2 AND state IN ('queued', 'running')"),
    )
    op.drop_index(
        "ix_jobs_unsent",
        table_name="jobs",
        postgresql_where=sa.text("state = 'queued' AND sent_at IS NULL"),
    )
    op.drop_index(
        "ix_jobs_sent",
        table_name="jobs",
        postgresql_where=sa.text("state = 'queued' AND sent_at IS NOT NULL"),
    )
    op.drop_column("jobs", "losses")
