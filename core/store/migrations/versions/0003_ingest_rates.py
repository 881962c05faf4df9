"""a project's and a key's own ingest rate."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_COMMENT = "events a minute; null: as the settings say"


def upgrade() -> None:
    for table in ("projects", "api_keys"):
        op.add_column(table, sa.Column("ingest_rate", sa.Integer(), nullable=True, comment=_COMMENT))
        op.create_check_constraint(op.f(f"ck_{table}_ingest_rate"), table, "ingest_rate > 0")


def downgrade() -> None:
    for table in ("projects", "api_keys"):
        op.drop_column(table, "ingest_rate")
