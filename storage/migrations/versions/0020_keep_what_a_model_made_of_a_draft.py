"""Keep what a model made of a draft, what was withheld of it, and which model it was"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for table in ("report", "report_version"):
        op.add_column(table, sa.Column("words", sa.JSON(), nullable=True))


def downgrade() -> None:
    for table in ("report_version", "report"):
        op.drop_column(table, "words")
