"""Keep whether a measured structure lies wholly within the images"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("finding", sa.Column("validity", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("finding", "validity")
