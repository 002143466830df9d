"""Keep answers for who asked"""

import sqlalchemy as sa
from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("answer", sa.Column("asked_by_id", sa.Text(), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("answer", "asked_by_id")
