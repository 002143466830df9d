"""Set series aside that end processes"""

import sqlalchemy as sa
from alembic import op

from storage.tables.base import UtcDateTime

revision = "0106"
down_revision = "0105"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "series_try",
        sa.Column("study_instance_uid", sa.String(64), nullable=False),
        sa.Column("series_instance_uid", sa.String(64), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("set_aside_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint(
            "study_instance_uid", "series_instance_uid", name=op.f("pk_series_try")
        ),
    )


def downgrade() -> None:
    op.drop_table("series_try")
