"""Keep what was drawn in interactive sessions"""

import sqlalchemy as sa
from alembic import op

revision = "0136"
down_revision = "0135"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("interactive_session") as batch:
        batch.add_column(sa.Column("shapes", sa.JSON(), server_default="[]", nullable=False))


def downgrade() -> None:
    with op.batch_alter_table("interactive_session") as batch:
        batch.drop_column("shapes")
