"""Compare an upload with the digest of what arrived before a job reads it"""

import sqlalchemy as sa
from alembic import op

revision = "0089"
down_revision = "0088"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "job", sa.Column("input_digest", sa.String(64), server_default="", nullable=False)
    )


def downgrade() -> None:
    op.drop_column("job", "input_digest")
