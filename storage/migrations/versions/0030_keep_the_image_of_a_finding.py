"""Keep which image a finding is about, and how its confidence was calibrated"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("finding", sa.Column("image", sa.JSON(), nullable=True))
    op.add_column("finding", sa.Column("calibration", sa.Text(), nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("finding", "calibration")
    op.drop_column("finding", "image")
