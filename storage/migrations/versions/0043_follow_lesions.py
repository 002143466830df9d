"""Follow lesions over studies"""

import sqlalchemy as sa
from alembic import op

from storage.tables.base import UtcDateTime

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "lesion",
        sa.Column("lesion_id", sa.String(36), primary_key=True),
        sa.Column("job_id", sa.String(36), sa.ForeignKey("job.job_id"), nullable=False),
        sa.Column("study_instance_uid", sa.String(64), nullable=False),
        sa.Column("series_instance_uid", sa.String(64), nullable=False),
        sa.Column("pipeline", sa.String(80), nullable=False),
        sa.Column("segment_number", sa.Integer(), nullable=False),
        sa.Column("label", sa.Text(), server_default="", nullable=False),
        sa.Column("type", sa.JSON(), nullable=False),
        sa.Column("tracking_uid", sa.String(64), nullable=False),
        sa.Column("long_axis_mm", sa.Float(), nullable=False),
        sa.Column("short_axis_mm", sa.Float(), nullable=False),
        sa.Column("volume_mm3", sa.Float(), nullable=False),
        sa.Column("is_truncated", sa.Boolean(), nullable=False),
        sa.Column("points", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
    )
    op.create_index("ix_lesion_job_id", "lesion", ["job_id"])
    op.create_index("ix_lesion_study_instance_uid", "lesion", ["study_instance_uid"])
    op.create_table(
        "lesion_match",
        sa.Column("match_id", sa.String(36), primary_key=True),
        sa.Column("study_instance_uid", sa.String(64), nullable=False),
        sa.Column("job_id", sa.String(36), nullable=False),
        sa.Column("relation", sa.String(16), nullable=False),
        sa.Column("earlier_lesion_id", sa.String(36), nullable=False),
        sa.Column("later_lesion_id", sa.String(36), nullable=False),
        sa.Column("is_main", sa.Boolean(), nullable=False),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("method", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("decided_by", sa.Text(), server_default="", nullable=False),
        sa.Column("decided_by_id", sa.Text(), server_default="", nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=False),
    )
    for column in ("study_instance_uid", "job_id", "earlier_lesion_id", "later_lesion_id"):
        op.create_index(f"ix_lesion_match_{column}", "lesion_match", [column])


def downgrade() -> None:
    op.drop_table("lesion_match")
    op.drop_table("lesion")
