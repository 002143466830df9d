"""Know who somebody is by kind, issuer and subject, and not by a name alone"""

import sqlalchemy as sa
from alembic import op

from storage.tables import UtcDateTime

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

_COLUMNS = (
    ("session", "issuer"),
    ("session", "subject"),
    ("report", "changed_by_id"),
    ("report", "signed_by_id"),
    ("report_version", "changed_by_id"),
    ("alert", "acknowledged_by_id"),
    ("finding_feedback", "said_by_id"),
    ("audit_event", "actor_id"),
)


def upgrade() -> None:
    for table, column in _COLUMNS:
        op.add_column(table, sa.Column(column, sa.Text(), server_default="", nullable=False))
    op.add_column("session", sa.Column("confirmed_at", UtcDateTime(), nullable=True))
    # Nobody can tell whose those are: the provider's subject was not kept. People sign in again.
    op.execute("DELETE FROM session WHERE kind = 'oidc'")
    op.execute("DELETE FROM preference WHERE kind = 'oidc'")
    op.execute("UPDATE session SET subject = name WHERE kind = 'account'")
    op.execute(
        "UPDATE preference SET name ="
        " (SELECT key_id FROM api_key WHERE api_key.name = preference.name)"
        " WHERE kind = 'key' AND name IN (SELECT name FROM api_key)"
    )
    with op.batch_alter_table("preference") as batch:
        batch.alter_column(
            "name",
            new_column_name="subject",
            existing_type=sa.String(255),
            type_=sa.String(1024),
            existing_nullable=False,
        )


def downgrade() -> None:
    op.execute("DELETE FROM preference WHERE kind IN ('oidc', 'key')")
    with op.batch_alter_table("preference") as batch:
        batch.alter_column(
            "subject",
            new_column_name="name",
            existing_type=sa.String(1024),
            type_=sa.String(255),
            existing_nullable=False,
        )
    op.drop_column("session", "confirmed_at")
    for table, column in reversed(_COLUMNS):
        op.drop_column(table, column)
