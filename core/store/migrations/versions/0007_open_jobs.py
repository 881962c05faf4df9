"""Looks for open jobs stay short: what is asked names its index, so the indexes have new conditions, and what
jobs that have ended leave in them is vacuumed earlier."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

_COLUMNS = {
    "ix_jobs_waiting": ("due_at",),
    "ix_jobs_sent": ("kind", "project_id"),
    "ix_jobs_unsent": ("kind", "project_id", "due_at"),
    "ix_jobs_suspect": ("due_at",),
    "ix_jobs_leased": ("lease_until",),
    "ix_jobs_paused": ("due_at",),
}
_NEW = {
    "ix_jobs_waiting": "'ix_jobs_waiting ' || state = 'ix_jobs_waiting queued'",
    "ix_jobs_sent": "'ix_jobs_sent ' || state = 'ix_jobs_sent queued' AND sent_at IS NOT NULL",
    "ix_jobs_unsent": "'ix_jobs_unsent ' || state = 'ix_jobs_unsent queued' AND sent_at IS NULL",
    "ix_jobs_suspect": "losses >= 2 AND 'ix_jobs_suspect ' || state"
    " IN ('ix_jobs_suspect queued', 'ix_jobs_suspect running')",
    "ix_jobs_leased": "'ix_jobs_leased ' || state = 'ix_jobs_leased running'",
    "ix_jobs_paused": "'ix_jobs_paused ' || state = 'ix_jobs_paused skipped' AND reason = 'budget'",
}
_OLD = {
    "ix_jobs_waiting": "state = 'queued'",
    "ix_jobs_sent": "state = 'queued' AND sent_at IS NOT NULL",
    "ix_jobs_unsent": "state = 'queued' AND sent_at IS NULL",
    "ix_jobs_suspect": "losses >= 2 AND state IN ('queued', 'running')",
    "ix_jobs_leased": "state = 'running'",
    "ix_jobs_paused": "state = 'skipped' AND reason = 'budget'",
}


def upgrade() -> None:
    _make(_NEW)
    op.execute("ALTER TABLE jobs SET (autovacuum_vacuum_scale_factor = 0.05)")


def downgrade() -> None:
    _make(_OLD)
    op.execute("ALTER TABLE jobs RESET (autovacuum_vacuum_scale_factor)")


def _make(conditions: dict[str, str]) -> None:
    """Each holds open jobs only and costs one reading of the table; `docs/decisions.md` has the figures.

    Code of before finds its jobs by state meanwhile, which costs it more the more of them are open.
    """
    op.execute("LOCK TABLE jobs IN ACCESS EXCLUSIVE MODE")
    for name, columns in _COLUMNS.items():
        op.drop_index(name, table_name="jobs")
        op.create_index(name, "jobs", list(columns), postgresql_where=sa.text(conditions[name]))
