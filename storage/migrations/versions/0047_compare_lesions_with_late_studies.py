"""Compare lesions with studies that come late"""

import sqlalchemy as sa
from alembic import op

revision = "0047"
down_revision = "0046"
branch_labels = None
depends_on = None

_INDEX = "ix_lesion_match_later_job_id"


def upgrade() -> None:
    op.add_column(
        "lesion_match",
        sa.Column("later_job_id", sa.String(36), server_default="", nullable=False),
    )
    op.execute("UPDATE lesion_match SET later_job_id = job_id")
    op.create_index(_INDEX, "lesion_match", ["later_job_id"])


def downgrade() -> None:
    op.drop_index(_INDEX, "lesion_match")
    op.drop_column("lesion_match", "later_job_id")
