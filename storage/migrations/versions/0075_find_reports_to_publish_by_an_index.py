"""Find the reports that are to leave the node by an index, not by reading all of them"""

import sqlalchemy as sa
from alembic import op

revision = "0075"
down_revision = "0074"
branch_labels = None
depends_on = None

_TO_PUBLISH = sa.text(
    "publish_version > published_version OR (superseded_at IS NOT NULL"
    " AND (withdrawal_notified_at IS NULL OR withdrawal_notified_at != superseded_at))"
)


def upgrade() -> None:
    op.create_index(
        "ix_report_to_publish",
        "report",
        ["updated_at"],
        sqlite_where=_TO_PUBLISH,
        postgresql_where=_TO_PUBLISH,
    )


def downgrade() -> None:
    op.drop_index("ix_report_to_publish", table_name="report")
