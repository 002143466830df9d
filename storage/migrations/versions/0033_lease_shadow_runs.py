"""Note which worker has the lease of a shadow run"""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "shadow_run", sa.Column("lease_owner", sa.Text(), server_default="", nullable=False)
    )


def downgrade() -> None:
    op.drop_column("shadow_run", "lease_owner")
