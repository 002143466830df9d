"""Export projects as NIfTI"""

import sqlalchemy as sa
from alembic import op

revision = "0059"
down_revision = "0058"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "project_export",
        sa.Column("format", sa.String(16), server_default="dicom", nullable=False),
    )


def downgrade() -> None:
    op.drop_column("project_export", "format")
