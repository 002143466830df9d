"""Find priors among the inputs of jobs by an index"""

import sqlalchemy as sa
from alembic import op

revision = "0082"
down_revision = "0081"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "job_input",
        sa.Column("is_prior", sa.Boolean(), nullable=False, server_default=sa.false()),
    )
    op.execute(
        "UPDATE job_input SET is_prior = true WHERE study_instance_uid !="
        " (SELECT job.study_instance_uid FROM job WHERE job.job_id = job_input.job_id)"
    )
    op.create_index(
        "ix_job_input_prior",
        "job_input",
        ["job_id"],
        sqlite_where=sa.text("is_prior = 1"),
        postgresql_where=sa.text("is_prior"),
    )


def downgrade() -> None:
    op.drop_index("ix_job_input_prior", table_name="job_input")
    op.drop_column("job_input", "is_prior")
