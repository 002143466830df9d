"""Note who reads a study"""

import sqlalchemy as sa
from alembic import op

from storage.tables.base import UtcDateTime

revision = "0110"
down_revision = "0109"
branch_labels = None
depends_on = None

_SOMEBODY = sa.text("reader_id != ''")


def upgrade() -> None:
    for name in ("reader_id", "reader_name"):
        op.add_column("study", sa.Column(name, sa.Text(), server_default="", nullable=False))
    op.add_column("study", sa.Column("reader_since", UtcDateTime(), nullable=True))
    op.create_index(
        "ix_study_reader_id",
        "study",
        ["reader_id"],
        sqlite_where=_SOMEBODY,
        postgresql_where=_SOMEBODY,
    )


def downgrade() -> None:
    op.drop_index("ix_study_reader_id", table_name="study")
    for name in ("reader_since", "reader_name", "reader_id"):
        op.drop_column("study", name)
