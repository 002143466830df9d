"""Note who sent conflicts and orders, and count the bytes of orders"""

import sqlalchemy as sa
from alembic import op

revision = "0126"
down_revision = "0125"
branch_labels = None
depends_on = None

_TABLES = ("conflict", "worklist_item")


def upgrade() -> None:
    op.add_column(
        "worklist_item",
        sa.Column("size_bytes", sa.BigInteger(), server_default="0", nullable=False),
    )
    op.execute("UPDATE worklist_item SET size_bytes = length(CAST(attributes AS TEXT))")
    for table in _TABLES:
        op.add_column(table, sa.Column("sent_by", sa.Text(), server_default="", nullable=False))
        op.create_index(f"ix_{table}_sent_by", table, ["sent_by", "size_bytes"])


def downgrade() -> None:
    for table in _TABLES:
        op.drop_index(f"ix_{table}_sent_by", table)
        op.drop_column(table, "sent_by")
    op.drop_column("worklist_item", "size_bytes")
