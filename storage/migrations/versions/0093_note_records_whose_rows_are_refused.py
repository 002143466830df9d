"""Note records whose rows the database refuses"""

import sqlalchemy as sa
from alembic import op

from storage.tables.base import UtcDateTime

revision = "0093"
down_revision = "0092"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "refused_row",
        sa.Column("sop_instance_uid", sa.String(64), nullable=False),
        sa.Column("volume", sa.String(80), nullable=False),
        sa.Column("volume_offset", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("noticed_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint(
            "sop_instance_uid", "volume", "volume_offset", name=op.f("pk_refused_row")
        ),
    )
    op.create_index("ix_refused_row_volume", "refused_row", ["volume"])


def downgrade() -> None:
    op.drop_table("refused_row")
