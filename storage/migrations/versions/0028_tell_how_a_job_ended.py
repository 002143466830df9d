"""Tell failed, cancelled and superseded jobs apart, and when results were withdrawn"""

import sqlalchemy as sa
from alembic import op

from storage.tables.base import time_column

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

_SUPERSEDED = "More instances of the series arrived%"


def upgrade() -> None:
    op.add_column("job", sa.Column("ending", sa.String(16), server_default="", nullable=False))
    op.add_column("job", time_column("withdrawn_at", nullable=True))
    op.create_index("ix_job_ending", "job", ["ending"])
    job = sa.table("job", *(sa.column(name) for name in ("state", "reason", "ending")))
    ending = sa.case(
        (job.c.reason.like(_SUPERSEDED), "superseded"),
        (job.c.reason.like("Canceled by %"), "cancelled"),
        else_="failed",
    )
    op.execute(sa.update(job).where(job.c.state == "CANCELED").values(ending=ending))


def downgrade() -> None:
    op.drop_index("ix_job_ending", "job")
    op.drop_column("job", "withdrawn_at")
    op.drop_column("job", "ending")
