"""Note what was deleted, what waits for the bucket and which volumes may go"""

import sqlalchemy as sa
from alembic import op

from storage.tables import UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "tombstone",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("sop_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("study_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("object_key", sa.Text(), server_default="", nullable=False),
        sa.Column("deleted_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tombstone")),
        sa.UniqueConstraint(
            "sop_instance_uid",
            "generation",
            name=op.f("uq_tombstone_sop_instance_uid_generation"),
        ),
    )
    op.create_index(
        "ix_tombstone_unpurged",
        "tombstone",
        ["id"],
        sqlite_where=sa.text("object_key <> ''"),
        postgresql_where=sa.text("object_key <> ''"),
    )
    op.create_index(
        "ix_instance_unsettled",
        "instance",
        ["id"],
        sqlite_where=sa.text("object_key = ''"),
        postgresql_where=sa.text("object_key = ''"),
    )
    op.add_column("volume", sa.Column("retired_at", UtcDateTime(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("volume", schema=None) as batch_op:
        batch_op.drop_column("retired_at")
    op.drop_index("ix_instance_unsettled", table_name="instance")
    op.drop_table("tombstone")
