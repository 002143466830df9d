"""Keep under which AE title and from which address an instance was sent"""

import sqlalchemy as sa
from alembic import op

revision = "0119"
down_revision = "0117"
branch_labels = None
depends_on = None

_TABLES = ("instance", "conflict")
_COLUMNS = ("called_ae_title", "peer_address")


def upgrade() -> None:
    for table in _TABLES:
        for name in _COLUMNS:
            op.add_column(table, sa.Column(name, sa.Text(), server_default="", nullable=False))


def downgrade() -> None:
    for table in _TABLES:
        for name in _COLUMNS:
            op.drop_column(table, name)
