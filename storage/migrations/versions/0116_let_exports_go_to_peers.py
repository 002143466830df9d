"""Let exports of research projects go to peers"""

import sqlalchemy as sa
from alembic import op

revision = "0116"
down_revision = "0115"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "project_export", sa.Column("destination", sa.Text(), server_default="", nullable=False)
    )


def downgrade() -> None:
    op.drop_column("project_export", "destination")
