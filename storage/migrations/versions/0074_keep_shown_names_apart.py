"""Note which person of an identity provider has which name, so that nobody looks like another"""

import sqlalchemy as sa
from alembic import op

from storage.tables import UtcDateTime

revision = "0074"
down_revision = "0073"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "shown_name",
        sa.Column("name_digest", sa.String(64), nullable=False),
        sa.Column("identity_id", sa.Text(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name_digest", name=op.f("pk_shown_name")),
    )


def downgrade() -> None:
    op.drop_table("shown_name")
