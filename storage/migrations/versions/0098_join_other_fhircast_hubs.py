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
        table.add_column(sa.Column("lease_owner", sa.Text(), server_default="", nullable=False))
        table.add_column(sa.Column("lease_expires_at", UtcDateTime(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("fhircast_topic") as table:
        table.drop_column("lease_expires_at")
        table.drop_column("lease_owner")
        table.drop_column("joined_topic")
