"""Keep what people say of findings, and uploads in parts"""

import sqlalchemy as sa
from alembic import op

from storage.tables.base import BigId, UtcDateTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "finding_feedback",
        sa.Column("id", BigId, nullable=False),
        sa.Column("feedback_id", sa.String(length=36), nullable=False),
        sa.Column("finding_id", sa.String(length=36), nullable=False),
        sa.Column("study_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("verdict", sa.String(length=16), nullable=False),
        sa.Column("value", sa.Float(), nullable=True),
        sa.Column("unit", sa.JSON(), nullable=True),
        sa.Column("label", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("said_by", sa.Text(), server_default="", nullable=False),
        sa.Column("said_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_finding_feedback")),
        sa.UniqueConstraint("feedback_id", name=op.f("uq_finding_feedback_feedback_id")),
    )
    op.create_index(
        "ix_finding_feedback_finding_id_id", "finding_feedback", ["finding_id", "id"], unique=False
    )
    op.create_index(
        op.f("ix_finding_feedback_study_instance_uid"),
        "finding_feedback",
        ["study_instance_uid"],
        unique=False,
    )
    op.add_column("expectation", sa.Column("instance_count", sa.Integer(), nullable=True))
    op.add_column("upload", sa.Column("multipart_id", sa.Text(), server_default="", nullable=False))
    op.add_column(
        "upload", sa.Column("part_size_bytes", sa.BigInteger(), server_default="0", nullable=False)
    )
    op.add_column(
        "upload", sa.Column("files_done", sa.Integer(), server_default="0", nullable=False)
    )
    op.add_column(
        "upload", sa.Column("files_total", sa.Integer(), server_default="0", nullable=False)
    )
    op.create_index("ix_upload_state_expires_at", "upload", ["state", "expires_at"], unique=False)
    # Jobs are listed newest first, and their events pruned by age.
    op.create_index("ix_job_created_at", "job", ["created_at"], unique=False)
    op.create_index("ix_event_at", "event", ["at"], unique=False)
    op.create_index(
        "ix_delivery_destination_state", "delivery", ["destination", "state"], unique=False
    )


def downgrade() -> None:
    op.drop_index("ix_delivery_destination_state", table_name="delivery")
    op.drop_index("ix_event_at", table_name="event")
    op.drop_index("ix_job_created_at", table_name="job")
    op.drop_index("ix_upload_state_expires_at", table_name="upload")
    for column in ("files_total", "files_done", "part_size_bytes", "multipart_id"):
        op.drop_column("upload", column)
    op.drop_column("expectation", "instance_count")
    op.drop_table("finding_feedback")
