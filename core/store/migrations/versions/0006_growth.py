"""What grows with events costs less: a unique index that repeats the primary key is gone."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

_COMMENT = "follows from project and event_key where there is one"


def upgrade() -> None:
    op.execute("LOCK TABLE error_events IN ACCESS EXCLUSIVE MODE")
    op.drop_index(
        "uq_error_events_key", table_name="error_events", postgresql_where=sa.text("event_key IS NOT NULL")
    )
    op.alter_column("error_events", "id", existing_type=sa.Uuid(), existing_nullable=False, comment=_COMMENT)


def downgrade() -> None:
    op.alter_column(
        "error_events",
        "id",
        existing_type=sa.Uuid(),
        existing_nullable=False,
        existing_comment=_COMMENT,
        comment=None,
    )
    op.create_index(
        "uq_error_events_key",
        "error_events",
        ["project_id", "event_key"],
        unique=True,
        postgresql_where=sa.text("event_key IS NOT NULL"),
    )
