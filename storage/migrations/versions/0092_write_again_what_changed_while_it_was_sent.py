"""Mark deliveries whose document changed while they were sent"""

import sqlalchemy as sa
from alembic import op

revision = "0092"
down_revision = "0091"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "delivery",
        sa.Column("is_outdated", sa.Boolean(), server_default=sa.false(), nullable=False),
    )


def downgrade() -> None:
    """What is marked has to go once more; versions before know nothing of the mark."""
    op.execute("UPDATE delivery SET sent_at = NULL, questions = 0 WHERE is_outdated")
    op.drop_column("delivery", "is_outdated")
