"""Keep trials of models on stored studies for an hour"""

import sqlalchemy as sa
from alembic import op

from storage.tables.base import UtcDateTime

revision = "0113"
down_revision = "0112"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "model_trial",
        sa.Column("trial_id", sa.String(36), nullable=False),
        sa.Column("model", sa.String(160), nullable=False),
        sa.Column("model_version", sa.String(80), nullable=False),
        sa.Column("pipeline", sa.String(80), nullable=False),
        sa.Column("study_instance_uid", sa.String(64), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("problem", sa.JSON()),
        sa.Column("series", sa.JSON(), nullable=False),
        sa.Column("asked_by", sa.Text(), server_default="", nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("took_ms", sa.Integer(), nullable=False),
        sa.Column("memory_bytes", sa.BigInteger(), nullable=False),
        sa.Column("lease_owner", sa.Text(), server_default="", nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("not_before", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime()),
        sa.PrimaryKeyConstraint("trial_id", name=op.f("pk_model_trial")),
    )
    op.create_index(
        op.f("ix_model_trial_study_instance_uid"), "model_trial", ["study_instance_uid"]
    )
    op.create_index("ix_model_trial_state_not_before", "model_trial", ["state", "not_before"])


def downgrade() -> None:
    op.drop_table("model_trial")
