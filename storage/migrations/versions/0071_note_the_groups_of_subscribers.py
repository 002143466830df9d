"""Note who subscribed to work items, and its groups"""

import sqlalchemy as sa
from alembic import op

revision = "0071"
down_revision = "0070"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("subscriber", sa.Column("identity_id", sa.Text(), nullable=True))
    op.add_column("subscriber", sa.Column("group_ids", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("subscriber", "group_ids")
    op.drop_column("subscriber", "identity_id")
