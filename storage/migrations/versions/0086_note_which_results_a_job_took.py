"""Note which results of other jobs a job took, and list studies with new results"""

import sqlalchemy as sa
from alembic import op

from storage.tables.base import UtcDateTime

revision = "0086"
down_revision = "0085"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "job_input",
        sa.Column("upstream_job_id", sa.String(36), server_default="", nullable=False),
    )
    op.create_index("ix_job_input_upstream_job_id", "job_input", ["upstream_job_id"])
    op.create_table(
        "result_due",
        sa.Column("study_instance_uid", sa.String(64), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("not_before", UtcDateTime(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("study_instance_uid", name=op.f("pk_result_due")),
    )
    op.create_index("ix_result_due_not_before", "result_due", ["not_before"])


def downgrade() -> None:
    op.drop_table("result_due")
    op.drop_index("ix_job_input_upstream_job_id", "job_input")
    op.drop_column("job_input", "upstream_job_id")
