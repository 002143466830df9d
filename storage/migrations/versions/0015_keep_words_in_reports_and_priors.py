"""Bring what people say into reports, and compare findings with the patient's prior"""

import sqlalchemy as sa
from alembic import op

from storage.tables.base import BigId, UtcDateTime

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "finding_feedback",
        sa.Column("verifies", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    # What was said before reports heard of it stays where it is.
    op.add_column(
        "finding_feedback",
        sa.Column("is_reported", sa.Boolean(), server_default=sa.true(), nullable=False),
    )
    op.create_index(
        "ix_finding_feedback_is_reported", "finding_feedback", ["is_reported"], unique=False
    )
    op.create_table(
        "spoken_report",
        sa.Column("id", BigId, nullable=False),
        sa.Column("job_id", sa.String(length=36), nullable=False),
        sa.Column("feedback_id", sa.BigInteger(), nullable=False),
        sa.Column("series_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("sop_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_spoken_report")),
        sa.UniqueConstraint("sop_instance_uid", name=op.f("uq_spoken_report_sop_instance_uid")),
    )
    op.create_index(op.f("ix_spoken_report_job_id"), "spoken_report", ["job_id"], unique=False)
    op.add_column("finding", sa.Column("prior", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.drop_column("finding", "prior")
    op.drop_table("spoken_report")
    op.drop_index("ix_finding_feedback_is_reported", table_name="finding_feedback")
    op.drop_column("finding_feedback", "is_reported")
    op.drop_column("finding_feedback", "verifies")
