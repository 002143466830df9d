"""Know the hosts that have disks of their own, and number deletions for all of them"""

import sqlalchemy as sa
from alembic import op

from storage.tables.base import UtcDateTime

revision = "0102"
down_revision = "0101"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "host",
        sa.Column("id", sa.String(8), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("is_first", sa.Boolean(), nullable=False),
        sa.Column("folder", sa.String(80), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_host")),
    )
    op.create_table(
        "host_key",
        sa.Column("name", sa.String(40), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_host_key")),
    )
    op.create_table(
        "deletion_number",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deletion_number")),
    )


def downgrade() -> None:
    op.drop_table("deletion_number")
    op.drop_table("host_key")
    op.drop_table("host")
