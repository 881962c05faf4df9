"""projects and budgets."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "budget_holds",
        sa.Column("job_id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column(
            "usd",
            sa.Numeric(precision=14, scale=8),
            nullable=False,
            comment="the estimate of the call that is under way",
        ),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_budget_holds")),
    )
    op.create_table(
        "budget_windows",
        sa.Column("scope", sa.Uuid(), nullable=False, comment="a project, or all zeros: every project"),
        sa.Column("period", sa.Text(), nullable=False),
        sa.Column("starts", sa.Date(), nullable=False, comment="UTC"),
        sa.Column("spent", sa.Numeric(precision=14, scale=8), nullable=False),
        sa.CheckConstraint("period IN ('day', 'month')", name=op.f("ck_budget_windows_period")),
        sa.PrimaryKeyConstraint("scope", "period", "starts", name=op.f("pk_budget_windows")),
    )
    op.create_table(
        "project_metadata",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("summary", sa.Text(), nullable=False),
        sa.Column("tags", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("category", sa.Text(), nullable=False),
        sa.Column("keywords", postgresql.ARRAY(sa.Text()), nullable=False),
        sa.Column("language", sa.Text(), nullable=False),
        sa.Column("model", sa.Text(), nullable=False),
        sa.Column("prompt_version", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False, comment="of all that decided the answer"),
        sa.Column("confidence", sa.Double(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("confidence BETWEEN 0 AND 1", name=op.f("ck_project_metadata_confidence")),
        sa.ForeignKeyConstraint(
            ["project_id"], ["projects.id"], name=op.f("fk_project_metadata_project_id"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("project_id", name=op.f("pk_project_metadata")),
    )
    op.create_index(
        "ix_jobs_paused",
        "jobs",
        ["due_at"],
        unique=False,
        postgresql_where=sa.text("state = 'skipped' AND reason = 'budget'"),
    )
    op.add_column("projects", sa.Column("title", sa.Text(), server_default="", nullable=False))
    op.add_column("projects", sa.Column("description", sa.Text(), server_default="", nullable=False))
    op.add_column("projects", sa.Column("content", sa.Text(), server_default="", nullable=False))
    op.add_column(
        "projects",
        sa.Column("language", sa.Text(), nullable=True, comment="ISO 639-1; null: to be found out"),
    )
    op.add_column("projects", sa.Column("status", sa.Text(), server_default="published", nullable=False))
    op.add_column(
        "projects",
        sa.Column(
            "summary",
            sa.Text(),
            nullable=True,
            comment="people's own, as tags, category and keywords: never overwritten",
        ),
    )
    op.add_column(
        "projects", sa.Column("tags", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False)
    )
    op.add_column("projects", sa.Column("category", sa.Text(), nullable=True))
    op.add_column(
        "projects", sa.Column("keywords", postgresql.ARRAY(sa.Text()), server_default="{}", nullable=False)
    )
    op.add_column("projects", sa.Column("tag_vocabulary", sa.Text(), server_default="free", nullable=False))
    op.add_column("projects", sa.Column("tag_merge", sa.Text(), server_default="append", nullable=False))
    op.add_column(
        "projects",
        sa.Column(
            "output_language", sa.Text(), nullable=True, comment="of generated metadata; null: the text's own"
        ),
    )
    op.add_column("projects", sa.Column("instructions", sa.Text(), nullable=True))
    op.add_column(
        "projects",
        sa.Column(
            "budget_day_usd",
            sa.Numeric(precision=12, scale=4),
            nullable=True,
            comment="null: only the caps of all projects",
        ),
    )
    op.add_column("projects", sa.Column("budget_month_usd", sa.Numeric(precision=12, scale=4), nullable=True))
    op.add_column(
        "projects",
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
    )
    op.create_index(
        "ix_projects_newest",
        "projects",
        [sa.literal_column("created_at DESC"), sa.literal_column("id DESC")],
        unique=False,
    )


def downgrade() -> None:
    op.drop_index("ix_projects_newest", table_name="projects")
    op.drop_column("projects", "updated_at")
    op.drop_column("projects", "budget_month_usd")
    op.drop_column("projects", "budget_day_usd")
    op.drop_column("projects", "instructions")
    op.drop_column("projects", "output_language")
    op.drop_column("projects", "tag_merge")
    op.drop_column("projects", "tag_vocabulary")
    op.drop_column("projects", "keywords")
    op.drop_column("projects", "category")
    op.drop_column("projects", "tags")
    op.drop_column("projects", "summary")
    op.drop_column("projects", "status")
    op.drop_column("projects", "language")
    op.drop_column("projects", "content")
    op.drop_column("projects", "description")
    op.drop_column("projects", "title")
    op.drop_index(
        "ix_jobs_paused",
        table_name="jobs",
        postgresql_where=sa.text("state = 'skipped' AND reason = 'budget'"),
    )
    op.drop_table("project_metadata")
    op.drop_table("budget_windows")
    op.drop_table("budget_holds")
