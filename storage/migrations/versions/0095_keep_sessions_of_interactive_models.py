"""Keep sessions of interactive models"""

import sqlalchemy as sa
from alembic import op

from storage.tables.base import UtcDateTime

revision = "0095"
down_revision = "0094"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "interactive_session",
        sa.Column("session_id", sa.String(36), nullable=False),
        sa.Column("study_instance_uid", sa.String(64), nullable=False),
        sa.Column("series_instance_uid", sa.String(64), nullable=False),
        sa.Column("pipeline", sa.String(80), nullable=False),
        sa.Column("pipeline_version", sa.String(80), nullable=False),
        sa.Column("structure", sa.Text(), server_default="", nullable=False),
        sa.Column("owner_id", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("points", sa.JSON(), nullable=False),
        sa.Column("box", sa.JSON()),
        sa.Column("wanted", sa.Integer(), nullable=False),
        sa.Column("answered", sa.Integer(), nullable=False),
        sa.Column("problem", sa.JSON()),
        sa.Column("mask", sa.LargeBinary()),
        sa.Column("mask_place", sa.JSON()),
        sa.Column("voxels", sa.Integer(), nullable=False),
        sa.Column("took_ms", sa.Integer(), nullable=False),
        sa.Column("grid", sa.JSON()),
        sa.Column("acceptance", sa.JSON()),
        sa.Column("job_id", sa.Text(), server_default="", nullable=False),
        sa.Column("lease_owner", sa.Text(), server_default="", nullable=False),
        sa.Column("lease_expires_at", UtcDateTime()),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("used_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("session_id", name=op.f("pk_interactive_session")),
    )
    op.create_index(
        op.f("ix_interactive_session_study_instance_uid"),
        "interactive_session",
        ["study_instance_uid"],
    )
    op.create_index("ix_interactive_session_state", "interactive_session", ["state"])


def downgrade() -> None:
    op.drop_table("interactive_session")
