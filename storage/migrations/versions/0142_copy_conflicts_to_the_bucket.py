"""Copy conflicts to the bucket"""

import sqlalchemy as sa
from alembic import op

revision = "0142"
down_revision = "0140"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("conflict", sa.Column("object_key", sa.Text(), nullable=False, server_default=""))
    op.create_index(
        "ix_conflict_uncopied",
        "conflict",
        ["volume"],
        sqlite_where=sa.text("object_key = ''"),
        postgresql_where=sa.text("object_key = ''"),
    )
    op.create_table(
        "conflict_copy",
        sa.Column("object_key", sa.String(200), nullable=False),
        sa.Column("sop_instance_uid", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("received_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("object_key", name=op.f("pk_conflict_copy")),
    )


def downgrade() -> None:
    op.drop_table("conflict_copy")
    op.drop_index("ix_conflict_uncopied", "conflict")
    op.drop_column("conflict", "object_key")
