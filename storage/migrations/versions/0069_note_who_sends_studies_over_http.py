"""Note who sends studies over HTTP"""

import sqlalchemy as sa
from alembic import op

revision = "0069"
down_revision = "0068"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "study_sender",
        sa.Column("study_instance_uid", sa.String(64), nullable=False),
        sa.Column("identity_id", sa.String(620), nullable=False),
        sa.PrimaryKeyConstraint("study_instance_uid", name=op.f("pk_study_sender")),
    )


def downgrade() -> None:
    op.drop_table("study_sender")
