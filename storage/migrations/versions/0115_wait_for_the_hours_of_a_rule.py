"""Let deliveries wait for the hours of their rule, and note what was otherwise about the sending"""

import sqlalchemy as sa
from alembic import op

from storage.tables.base import UtcDateTime

revision = "0115"
down_revision = "0114"
branch_labels = None
depends_on = None

_WAITS = sa.text("waits_until IS NOT NULL")


def upgrade() -> None:
    op.add_column("delivery", sa.Column("waits_until", UtcDateTime()))
    op.add_column(
        "delivery",
        sa.Column("is_urgent", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    op.add_column("delivery", sa.Column("note", sa.Text(), server_default="", nullable=False))
    op.create_index(
        "ix_delivery_waits_until",
        "delivery",
        ["rule", "waits_until"],
        sqlite_where=_WAITS,
        postgresql_where=_WAITS,
    )


def downgrade() -> None:
    op.drop_index("ix_delivery_waits_until", "delivery")
    op.drop_column("delivery", "note")
    op.drop_column("delivery", "is_urgent")
    op.drop_column("delivery", "waits_until")
