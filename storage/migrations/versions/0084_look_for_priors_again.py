"""List studies whose earlier studies are to be looked for again"""

import sqlalchemy as sa
from alembic import op

from storage.tables.base import UtcDateTime

revision = "0084"
down_revision = "0083"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "prior_due",
        sa.Column("study_instance_uid", sa.String(64), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("not_before", UtcDateTime(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("study_instance_uid", name=op.f("pk_prior_due")),
    )
    op.create_index("ix_prior_due_not_before", "prior_due", ["not_before"])


def downgrade() -> None:
    op.drop_table("prior_due")
