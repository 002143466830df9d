"""Name deliveries that their destination confirmed CONFIRMED, no longer HELD"""

from alembic import op

revision = "0048"
down_revision = "0047"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("UPDATE delivery SET state = 'CONFIRMED' WHERE state = 'HELD'")


def downgrade() -> None:
    op.execute("UPDATE delivery SET state = 'HELD' WHERE state = 'CONFIRMED'")
