"""Keep the heat map of an image's classification with its finding"""

import sqlalchemy as sa
from alembic import op

revision = "0117"
down_revision = "0116"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("finding", sa.Column("heat_map", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("finding", "heat_map")
