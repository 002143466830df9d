"""Note when results that a report rests on were withdrawn"""

import sqlalchemy as sa
from alembic import op

from storage.tables.base import UtcDateTime

revision = "0064"
down_revision = "0063"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("report", sa.Column("superseded_at", UtcDateTime()))


def downgrade() -> None:
    op.drop_column("report", "superseded_at")
