"""Keep between which values the true one lies, and the curve that a value was read from"""

import sqlalchemy as sa
from alembic import op

revision = "0101"
down_revision = "0100"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("value_interval", "curve"):
        op.add_column("finding", sa.Column(name, sa.JSON(), nullable=True))


def downgrade() -> None:
    for name in ("value_interval", "curve"):
        op.drop_column("finding", name)
