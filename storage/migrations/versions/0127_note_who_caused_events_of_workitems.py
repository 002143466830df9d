"""Note who caused events of workitems, and count their bytes"""

import sqlalchemy as sa
from alembic import op

revision = "0127"
down_revision = "0126"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("event", sa.Column("caused_by", sa.Text(), server_default="", nullable=False))
    op.add_column(
        "event", sa.Column("size_bytes", sa.BigInteger(), server_default="0", nullable=False)
    )
    of_callers = sa.text("caused_by != ''")
    op.create_index(
        "ix_event_caused_by",
        "event",
        ["caused_by", "size_bytes"],
        sqlite_where=of_callers,
        postgresql_where=of_callers,
    )


def downgrade() -> None:
    op.drop_index("ix_event_caused_by", "event")
    op.drop_column("event", "size_bytes")
    op.drop_column("event", "caused_by")
