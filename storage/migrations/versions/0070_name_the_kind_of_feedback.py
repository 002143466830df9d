"""Name the kind of feedback on a finding, and CORRECTED what was called EDITED"""

from alembic import op

revision = "0070"
down_revision = "0069"
branch_labels = None
depends_on = None


def upgrade() -> None:
    # Both databases rename in place; alembic would copy the table for SQLite.
    op.execute("ALTER TABLE finding_feedback RENAME COLUMN verdict TO kind")
    op.execute("UPDATE finding_feedback SET kind = 'CORRECTED' WHERE kind = 'EDITED'")


def downgrade() -> None:
    op.execute("UPDATE finding_feedback SET kind = 'EDITED' WHERE kind = 'CORRECTED'")
    op.execute("ALTER TABLE finding_feedback RENAME COLUMN kind TO verdict")
