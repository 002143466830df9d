"""Note who sent changes of patients and messages about them, and count their bytes"""

import sqlalchemy as sa
from alembic import op

revision = "0132"
down_revision = "0131"
branch_labels = None
depends_on = None

_TABLES = ("patient_change", "patient_message")


def upgrade() -> None:
    of_senders = sa.text("sent_by != ''")
    for table in _TABLES:
        op.add_column(table, sa.Column("sent_by", sa.Text(), server_default="", nullable=False))
        op.add_column(
            table, sa.Column("size_bytes", sa.BigInteger(), server_default="0", nullable=False)
        )
        op.create_index(
            f"ix_{table}_sent_by",
            table,
            ["sent_by", "size_bytes"],
            sqlite_where=of_senders,
            postgresql_where=of_senders,
        )


def downgrade() -> None:
    for table in _TABLES:
        op.drop_index(f"ix_{table}_sent_by", table)
        op.drop_column(table, "size_bytes")
        op.drop_column(table, "sent_by")
