"""Note whose groups a FHIRcast event is for that names nothing of this node"""

import sqlalchemy as sa
from alembic import op

revision = "0151"
down_revision = "0150"
branch_labels = None
depends_on = None

_TABLES = ("fhircast_context", "fhircast_event")


def upgrade() -> None:
    for table in _TABLES:
        op.add_column(
            table, sa.Column("announcer_groups", sa.Text(), server_default="", nullable=False)
        )


def downgrade() -> None:
    for table in _TABLES:
        op.drop_column(table, "announcer_groups")
