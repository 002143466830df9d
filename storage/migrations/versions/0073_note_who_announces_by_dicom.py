"""Note which peer began a performed procedure step or sent an availability notice"""

import sqlalchemy as sa
from alembic import op

revision = "0073"
down_revision = "0072"
branch_labels = None
depends_on = None

_TABLES = ("procedure_step", "availability_notice")


def upgrade() -> None:
    for table in _TABLES:
        op.add_column(table, sa.Column("identity_id", sa.String(620), nullable=True))


def downgrade() -> None:
    for table in _TABLES:
        op.drop_column(table, "identity_id")
