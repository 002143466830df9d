"""Hide rejected instances"""

import sqlalchemy as sa
from alembic import op

from storage.tables.base import UtcDateTime

revision = "0054"
down_revision = "0053"
branch_labels = None
depends_on = None

_COVERING = {
    "instance": ("ix_instance_series_fk_size_bytes", ["series_fk", "size_bytes"]),
    "series": ("ix_series_study_fk_modality", ["study_fk", "modality"]),
}


def upgrade() -> None:
    op.create_table(
        "rejection_note",
        sa.Column("sop_instance_uid", sa.String(64), primary_key=True),
        sa.Column("study_instance_uid", sa.String(64), nullable=False),
        sa.Column("code", sa.String(16), nullable=False),
        sa.Column("read_at", UtcDateTime(), nullable=False),
    )
    op.create_table(
        "rejection",
        sa.Column("note_sop_instance_uid", sa.String(64), primary_key=True),
        sa.Column("sop_instance_uid", sa.String(64), primary_key=True),
        sa.Column("study_instance_uid", sa.String(64), nullable=False),
        sa.Column("is_applied", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    for table in ("rejection_note", "rejection"):
        op.create_index(f"ix_{table}_study_instance_uid", table, ["study_instance_uid"])
    op.create_index("ix_rejection_sop_instance_uid", "rejection", ["sop_instance_uid"])
    pending = sa.text("NOT is_applied")
    op.create_index(
        "ix_rejection_pending",
        "rejection",
        ["sop_instance_uid"],
        sqlite_where=pending,
        postgresql_where=pending,
    )
    hidden = sa.text("is_rejected")
    for table, (covering, columns) in _COVERING.items():
        op.add_column(
            table,
            sa.Column("is_rejected", sa.Boolean(), server_default=sa.false(), nullable=False),
        )
        # Counting looks at the flag, too, and should go on without reading the rows.
        op.drop_index(covering, table)
        op.create_index(covering, table, [*columns, "is_rejected"])
        op.create_index(
            f"ix_{table}_rejected", table, ["id"], sqlite_where=hidden, postgresql_where=hidden
        )


def downgrade() -> None:
    for table, (covering, columns) in _COVERING.items():
        op.drop_index(f"ix_{table}_rejected", table)
        op.drop_index(covering, table)
        op.create_index(covering, table, columns)
        op.drop_column(table, "is_rejected")
    op.drop_table("rejection")
    op.drop_table("rejection_note")
