"""Know how far the clocks of hosts are apart"""

import sqlalchemy as sa
from alembic import op

revision = "0104"
down_revision = "0103"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "host", sa.Column("clock_ahead_s", sa.Float(), server_default="0", nullable=False)
    )


def downgrade() -> None:
    op.drop_column("host", "clock_ahead_s")
