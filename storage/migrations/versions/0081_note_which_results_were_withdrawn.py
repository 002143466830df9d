"""Note which results were withdrawn, so that they do not come back as valid ones"""

import sqlalchemy as sa
from alembic import op

from storage.tables.base import UtcDateTime

revision = "0081"
down_revision = "0080"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("generated_instance", sa.Column("withdrawn_at", UtcDateTime()))
    op.create_index("ix_generated_instance_source", "generated_instance", ["source"])
    for kind in ("result:", "reader:"):
        op.execute(
            "UPDATE generated_instance SET withdrawn_at = (SELECT job.updated_at FROM job"
            f" WHERE '{kind}' || job.job_id = generated_instance.source)"
            f" WHERE source IN (SELECT '{kind}' || job_id FROM job WHERE ending = 'superseded')"
        )


def downgrade() -> None:
    op.drop_index("ix_generated_instance_source", table_name="generated_instance")
    op.drop_column("generated_instance", "withdrawn_at")
