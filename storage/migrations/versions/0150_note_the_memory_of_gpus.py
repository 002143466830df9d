"""Note the memory of GPUs"""

import sqlalchemy as sa
from alembic import op

from storage.tables.base import UtcDateTime

revision = "0150"
down_revision = "0147"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "gpu_memory",
        sa.Column("owner", sa.String(120), nullable=False),
        sa.Column("device", sa.Integer(), nullable=False),
        sa.Column("host", sa.String(80), nullable=False),
        sa.Column("process", sa.String(32), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("free_bytes", sa.BigInteger(), nullable=False),
        sa.Column("total_bytes", sa.BigInteger(), nullable=False),
        sa.Column("reserved_bytes", sa.BigInteger(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("owner", "device"),
    )


def downgrade() -> None:
    op.drop_table("gpu_memory")
