"""Note the roles of series"""

import sqlalchemy as sa
from alembic import op

revision = "0161"
down_revision = "0157"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Of what is stored already, the scheduler recognises them in its rounds, newest first."""
    op.add_column("series", sa.Column("roles", sa.Text(), nullable=True))
    unknown = sa.text("roles IS NULL")
    op.create_index(
        "ix_series_roles_unknown",
        "series",
        ["state", "origin", "study_fk"],
        sqlite_where=unknown,
        postgresql_where=unknown,
    )


def downgrade() -> None:
    op.drop_index("ix_series_roles_unknown", table_name="series")
    op.drop_column("series", "roles")
