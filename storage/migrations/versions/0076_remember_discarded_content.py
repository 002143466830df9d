"""Remember which content of a conflict was discarded"""

import sqlalchemy as sa
from alembic import op

from storage.tables.base import BigId, UtcDateTime

revision = "0076"
down_revision = "0075"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "discarded_content",
        sa.Column("id", BigId, primary_key=True),
        sa.Column("sop_instance_uid", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("generation", sa.BigInteger(), nullable=False),
        sa.Column("discarded_at", UtcDateTime(), nullable=False),
        sa.UniqueConstraint(
            "sop_instance_uid",
            "digest",
            "generation",
            name="uq_discarded_content_sop_instance_uid_digest_generation",
        ),
    )


def downgrade() -> None:
    op.drop_table("discarded_content")
