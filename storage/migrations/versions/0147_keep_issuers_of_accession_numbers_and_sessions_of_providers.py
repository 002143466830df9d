"""Keep who issued an accession number, and which session of a provider a sign-in belongs to"""

import sqlalchemy as sa
from alembic import op

revision = "0147"
down_revision = "0146"
branch_labels = None
depends_on = None

_COLUMNS = ("accession_number_namespace", "accession_number_system")
_TABLES = ("study", "worklist_item")


def upgrade() -> None:
    for table in _TABLES:
        for column in _COLUMNS:
            op.add_column(table, sa.Column(column, sa.Text(), server_default="", nullable=False))
    op.add_column(
        "session",
        sa.Column("provider_session_id", sa.Text(), server_default="", nullable=False),
    )
    op.create_table(
        "logout_token",
        sa.Column("token_digest", sa.String(64), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("token_digest"),
    )
    op.create_index("ix_logout_token_expires_at", "logout_token", ["expires_at"])


def downgrade() -> None:
    op.drop_table("logout_token")
    op.drop_column("session", "provider_session_id")
    for table in _TABLES:
        for column in reversed(_COLUMNS):
            op.drop_column(table, column)
