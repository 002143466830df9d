"""Note each series of a job that takes several"""

import sqlalchemy as sa
from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "job_input",
        sa.Column("job_id", sa.String(36), sa.ForeignKey("job.job_id"), primary_key=True),
        sa.Column("role", sa.String(32), primary_key=True),
        sa.Column("series_instance_uid", sa.String(64), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
    )
    op.create_index("ix_job_input_series_instance_uid", "job_input", ["series_instance_uid"])


def downgrade() -> None:
    op.drop_index("ix_job_input_series_instance_uid", "job_input")
    op.drop_table("job_input")
