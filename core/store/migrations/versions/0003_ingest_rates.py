"""a project's and a key's own ingest rate."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_COMMENT = "events a minute; null: as the settings say"


def upgrade() -> None:
    # All that this and the next three revisions change, in the order in which ingest locks it: in theirs, an
    # ingest that is under way would wait for the migration, and the migration for it.
    op.execute("LOCK TABLE error_events IN ACCESS EXCLUSIVE MODE")
    op.execute("LOCK TABLE error_groups IN SHARE MODE")
    op.execute("LOCK TABLE jobs, projects, api_keys IN ACCESS EXCLUSIVE MODE")
    for table in ("projects", "api_keys"):
        op.add_column(table, sa.Column("ingest_rate", sa.Integer(), nullable=True, comment=_COMMENT))
        op.create_check_constraint(op.f(f"ck_{table}_ingest_rate"), table, "ingest_rate > 0")


def downgrade() -> None:
    for table in ("projects", "api_keys"):
        op.drop_column(table, "ingest_rate")
