"""Note the access groups of those who make orders and workitems"""

import sqlalchemy as sa
from alembic import op

revision = "0133"
down_revision = "0132"
branch_labels = None
depends_on = None

_TABLES = ("worklist_item", "work_item")


def upgrade() -> None:
    for table in _TABLES:
        op.add_column(table, sa.Column("orderer_groups", sa.Text(), nullable=True))


def downgrade() -> None:
    for table in _TABLES:
        op.drop_column(table, "orderer_groups")
