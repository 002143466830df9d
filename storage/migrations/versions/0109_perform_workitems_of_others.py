"""Perform workitems of others"""

import sqlalchemy as sa
from alembic import op

from storage.tables.base import UtcDateTime

revision = "0109"
down_revision = "0108"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("source", "source_transaction_uid"):
        op.add_column("work_item", sa.Column(name, sa.Text(), server_default="", nullable=False))
    op.add_column("work_item", sa.Column("reported_at", UtcDateTime(), nullable=True))
    op.create_index("ix_work_item_source", "work_item", ["source"])


def downgrade() -> None:
    op.drop_index("ix_work_item_source", table_name="work_item")
    for name in ("reported_at", "source_transaction_uid", "source"):
        op.drop_column("work_item", name)
