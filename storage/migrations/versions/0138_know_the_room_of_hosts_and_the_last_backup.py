"""Know the room of hosts, and when the last backup ended"""

import sqlalchemy as sa
from alembic import op

revision = "0138"
down_revision = "0136"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("free_bytes", "free_disk_mark_bytes"):
        op.add_column("host", sa.Column(name, sa.BigInteger(), nullable=True))
    op.create_table(
        "last_backup",
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("at", name=op.f("pk_last_backup")),
    )


def downgrade() -> None:
    op.drop_table("last_backup")
    for name in ("free_disk_mark_bytes", "free_bytes"):
        op.drop_column("host", name)
