"""Know which work items are gone"""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "gone_work_item",
        sa.Column("sop_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("gone_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("sop_instance_uid", name=op.f("pk_gone_work_item")),
    )


def downgrade() -> None:
    op.drop_table("gone_work_item")
