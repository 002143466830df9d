"""Keep which topic of another FHIRcast hub a person joined"""

import sqlalchemy as sa
from alembic import op

from storage.tables.base import UtcDateTime

revision = "0098"
down_revision = "0097"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("fhircast_topic") as table:
        table.add_column(sa.Column("joined_topic", sa.Text(), server_default="", nullable=False))
        table.add_column(sa.Column("joined_by", sa.Text(), server_default="", nullable=False))
        table.add_column(sa.Column("joined_until", UtcDateTime(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("fhircast_topic") as table:
        table.drop_column("joined_until")
        table.drop_column("joined_by")
        table.drop_column("joined_topic")
