"""Cancel deliveries"""

import sqlalchemy as sa
from alembic import op

revision = "0060"
down_revision = "0059"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "delivery", sa.Column("cancelled_from", sa.String(16), server_default="", nullable=False)
    )


def downgrade() -> None:
    op.execute("DELETE FROM delivery WHERE state = 'CANCELLED'")
    op.drop_column("delivery", "cancelled_from")
