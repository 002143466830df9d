"""Keep when a deleted instance was received"""

import sqlalchemy as sa
from alembic import op

from storage.tables.base import UtcDateTime

revision = "0105"
down_revision = "0104"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("tombstone", sa.Column("received_at", UtcDateTime(), nullable=True))


def downgrade() -> None:
    op.drop_column("tombstone", "received_at")
