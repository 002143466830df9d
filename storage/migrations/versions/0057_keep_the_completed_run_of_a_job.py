"""Keep the completed run of a job"""

import sqlalchemy as sa
from alembic import op

from storage.tables.base import UtcDateTime

revision = "0057"
down_revision = "0056"
branch_labels = None
depends_on = None

_COLUMNS = ("earlier_started_at", "earlier_finished_at")


def upgrade() -> None:
    for name in _COLUMNS:
        op.add_column("job", sa.Column(name, UtcDateTime()))


def downgrade() -> None:
    for name in _COLUMNS:
        op.drop_column("job", name)
