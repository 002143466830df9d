"""Keep the time zone that a study states"""

import sqlalchemy as sa
from alembic import op

revision = "0114"
down_revision = "0113"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "study",
        sa.Column("timezone_offset_from_utc", sa.Text(), server_default="", nullable=False),
    )


def downgrade() -> None:
    op.drop_column("study", "timezone_offset_from_utc")
