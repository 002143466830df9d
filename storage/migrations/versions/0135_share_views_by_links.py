"""Keep the views of studies that people share by a link, and how far sizes of lesions hold"""

import sqlalchemy as sa
from alembic import op

from storage.tables.base import UtcDateTime

revision = "0135"
down_revision = "0134"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "shared_view",
        sa.Column("shared_view_id", sa.String(36), nullable=False),
        sa.Column("study_instance_uid", sa.String(64), nullable=False),
        sa.Column("owner_id", sa.Text(), server_default="", nullable=False),
        sa.Column("view", sa.JSON(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.Column("revoked_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("shared_view_id", name="pk_shared_view"),
    )
    op.create_index("ix_shared_view_study_instance_uid", "shared_view", ["study_instance_uid"])
    op.create_index("ix_shared_view_owner_id_created_at", "shared_view", ["owner_id", "created_at"])
    op.add_column("lesion", sa.Column("caveat", sa.Text(), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("lesion", "caveat")
    op.drop_table("shared_view")
