"""Count the bytes of what peers announce and ask for, and note who made a workitem"""

import sqlalchemy as sa
from alembic import op

revision = "0123"
down_revision = "0122"
branch_labels = None
depends_on = None

_ANNOUNCED = ("procedure_step", "availability_notice")


def upgrade() -> None:
    for table in (*_ANNOUNCED, "work_item"):
        op.add_column(
            table, sa.Column("size_bytes", sa.BigInteger(), server_default="0", nullable=False)
        )
        op.execute(f"UPDATE {table} SET size_bytes = length(CAST(attributes AS TEXT))")
    for table in _ANNOUNCED:
        op.create_index(
            f"ix_{table}_identity_id", table, ["identity_id", "calling_ae_title", "size_bytes"]
        )
    op.add_column(
        "work_item", sa.Column("created_by", sa.Text(), server_default="", nullable=False)
    )
    op.create_index("ix_work_item_created_by", "work_item", ["created_by", "state", "size_bytes"])


def downgrade() -> None:
    op.drop_index("ix_work_item_created_by", "work_item")
    op.drop_column("work_item", "created_by")
    for table in _ANNOUNCED:
        op.drop_index(f"ix_{table}_identity_id", table)
    for table in (*_ANNOUNCED, "work_item"):
        op.drop_column(table, "size_bytes")
