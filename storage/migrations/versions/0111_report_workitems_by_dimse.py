"""Report workitems by DIMSE"""

import sqlalchemy as sa
from alembic import op

from storage.tables.base import UtcDateTime

revision = "0111"
down_revision = "0110"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("subscriber", sa.Column("dimse_event_id", sa.BigInteger(), nullable=True))
    for name in ("lease_owner", "last_error"):
        op.add_column("subscriber", sa.Column(name, sa.Text(), server_default="", nullable=False))
    op.add_column("subscriber", sa.Column("next_attempt_at", UtcDateTime(), nullable=True))
    op.add_column(
        "subscriber", sa.Column("attempts", sa.Integer(), server_default="0", nullable=False)
    )


def downgrade() -> None:
    for name in ("attempts", "next_attempt_at", "last_error", "lease_owner", "dimse_event_id"):
        op.drop_column("subscriber", name)
