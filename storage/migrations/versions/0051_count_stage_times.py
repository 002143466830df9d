"""Count how long the stages of a study's way take"""

import sqlalchemy as sa
from alembic import op

revision = "0051"
down_revision = "0050"
branch_labels = None
depends_on = None

_BOUNDS = 9


def upgrade() -> None:
    op.create_table(
        "stage_time",
        sa.Column("stage", sa.String(16), nullable=False),
        sa.Column("subject", sa.String(80), nullable=False),
        sa.Column("outcome", sa.String(16), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        *(
            sa.Column(f"within_{number}", sa.BigInteger(), nullable=False)
            for number in range(1, _BOUNDS + 1)
        ),
        sa.PrimaryKeyConstraint("stage", "subject", "outcome", name="pk_stage_time"),
    )


def downgrade() -> None:
    op.drop_table("stage_time")
