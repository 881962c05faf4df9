"""keys that end, and that others replace."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("api_keys", sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column(
        "api_keys",
        sa.Column(
            "replaced_by",
            sa.Uuid(),
            nullable=True,
            comment="the key that a rotation made; this one ends at expires_at",
        ),
    )
    op.create_foreign_key(
        op.f("fk_api_keys_replaced_by"),
        "api_keys",
        "api_keys",
        ["replaced_by"],
        ["id"],
        ondelete="SET NULL",
    )


def downgrade() -> None:
    op.drop_constraint(op.f("fk_api_keys_replaced_by"), "api_keys", type_="foreignkey")
    op.drop_column("api_keys", "replaced_by")
    op.drop_column("api_keys", "expires_at")
