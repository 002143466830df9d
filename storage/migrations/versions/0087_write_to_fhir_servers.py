"""Know FHIR servers that results are written to"""

import sqlalchemy as sa
from alembic import op

revision = "0087"
down_revision = "0086"
branch_labels = None
depends_on = None

_TEXTS = ("fhir_patient_systems", "user_name", "token_url", "token_scope")


def upgrade() -> None:
    for name, length, default in (
        ("fhir_version", 8, "R4"),
        ("fhir_patients", 16, "match"),
        ("sign_in", 16, "header"),
    ):
        op.add_column(
            "peer", sa.Column(name, sa.String(length), server_default=default, nullable=False)
        )
    for name in _TEXTS:
        op.add_column("peer", sa.Column(name, sa.Text(), server_default="", nullable=False))


def downgrade() -> None:
    """Without FHIR servers: of their kind the version before knows none, and reads no peer then."""
    servers = "SELECT name FROM peer WHERE kind = 'fhir'"
    op.execute(f"DELETE FROM peer_notification WHERE peer_name IN ({servers})")
    op.execute(f"DELETE FROM access_group_member WHERE kind = 'peer' AND subject IN ({servers})")
    op.execute("DELETE FROM peer WHERE kind = 'fhir'")
    # What they refused waits, as what goes to any peer that was removed.
    for column in ("state", "cancelled_from"):
        op.execute(f"UPDATE delivery SET {column} = 'PENDING' WHERE {column} = 'REFUSED'")
    for name in ("fhir_version", "fhir_patients", "sign_in", *_TEXTS):
        op.drop_column("peer", name)
