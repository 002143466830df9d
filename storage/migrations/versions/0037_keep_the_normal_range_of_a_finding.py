"""Keep the normal range of a finding"""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("finding", sa.Column("normal_range", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("finding", "normal_range")
