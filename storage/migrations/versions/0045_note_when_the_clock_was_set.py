"""Note when the clock was set"""

import sqlalchemy as sa
from alembic import op

revision = "0045"
down_revision = "0044"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "clock_step",
        sa.Column("at", sa.DateTime(timezone=True), primary_key=True),
        sa.Column("seconds", sa.BigInteger(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("clock_step")
