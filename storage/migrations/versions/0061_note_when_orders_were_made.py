"""Note when orders were made"""

import sqlalchemy as sa
from alembic import op

from storage.tables.base import UtcDateTime

revision = "0061"
down_revision = "0060"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("worklist_item", sa.Column("ordered_at", UtcDateTime()))


def downgrade() -> None:
    op.drop_column("worklist_item", "ordered_at")
