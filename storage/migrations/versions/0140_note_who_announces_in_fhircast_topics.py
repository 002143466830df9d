"""Note who announces in a FHIRcast topic, and the groups that its owner's provider named"""

import sqlalchemy as sa
from alembic import op

revision = "0140"
down_revision = "0139"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("fhircast_topic", sa.Column("claimed_groups", sa.JSON(), nullable=True))
    op.add_column(
        "fhircast_event", sa.Column("announced_by", sa.Text(), server_default="", nullable=False)
    )


def downgrade() -> None:
    op.drop_column("fhircast_event", "announced_by")
    op.drop_column("fhircast_topic", "claimed_groups")
