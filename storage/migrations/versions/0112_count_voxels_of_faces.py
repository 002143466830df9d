"""Count the voxels of faces that exports overwrite"""

import sqlalchemy as sa
from alembic import op

revision = "0112"
down_revision = "0111"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "project_export_instance",
        sa.Column("face_voxels", sa.BigInteger(), server_default="0", nullable=False),
    )


def downgrade() -> None:
    op.drop_column("project_export_instance", "face_voxels")
