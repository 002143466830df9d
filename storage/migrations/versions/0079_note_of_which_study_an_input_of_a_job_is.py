"""Note of which study an input of a job is"""

import sqlalchemy as sa
from alembic import op

revision = "0079"
down_revision = "0078"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "job_input",
        sa.Column("study_instance_uid", sa.String(64), nullable=False, server_default=""),
    )
    op.execute(
        "UPDATE job_input SET study_instance_uid ="
        " (SELECT job.study_instance_uid FROM job WHERE job.job_id = job_input.job_id)"
    )


def downgrade() -> None:
    op.drop_column("job_input", "study_instance_uid")
