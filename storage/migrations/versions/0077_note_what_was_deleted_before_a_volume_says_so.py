"""Note what was deleted before a volume says so"""

import sqlalchemy as sa
from alembic import op

from storage.tables.base import BigId, UtcDateTime

revision = "0077"
down_revision = "0076"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "unwritten_tombstone",
        sa.Column("id", BigId, primary_key=True),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("study_instance_uid", sa.String(64), nullable=False),
        sa.Column("deleted_at", UtcDateTime(), nullable=False),
        sa.Column("payload", sa.Text(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("unwritten_tombstone")
