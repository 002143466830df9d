"""Keep uploads for who began them"""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "upload", sa.Column("created_by_id", sa.Text(), server_default="", nullable=False)
    )


def downgrade() -> None:
    op.drop_column("upload", "created_by_id")
