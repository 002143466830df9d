"""Find what rejection notes hide, and still have to hide, by an index on SQLite

A condition of an index counts there only as the statement writes it: `is_rejected = 1`.
"""

import sqlalchemy as sa
from alembic import op

revision = "0083"
down_revision = "0082"
branch_labels = None
depends_on = None

_INDEXES = (
    ("ix_series_rejected", "series", "id", "is_rejected = 1", "is_rejected"),
    ("ix_instance_rejected", "instance", "id", "is_rejected = 1", "is_rejected"),
    (
        "ix_rejection_pending",
        "rejection",
        "sop_instance_uid",
        "is_applied = 0",
        "NOT is_applied",
    ),
)


def upgrade() -> None:
    _create_again(with_former=False)


def downgrade() -> None:
    _create_again(with_former=True)


def _create_again(*, with_former: bool) -> None:
    if op.get_bind().dialect.name != "sqlite":
        return
    for name, table, column, condition, former in _INDEXES:
        op.drop_index(name, table_name=table)
        where = former if with_former else condition
        op.create_index(name, table, [column], sqlite_where=sa.text(where))
