"""Remember messages of patients"""

import sqlalchemy as sa
from alembic import op

from storage.tables.base import UtcDateTime

revision = "0056"
down_revision = "0055"
branch_labels = None
depends_on = None

_KEY = ("sender", "control_id", "message_digest", "patient_id", "issuer_of_patient_id")


def upgrade() -> None:
    op.create_table(
        "patient_message",
        *(sa.Column(name, sa.Text(), primary_key=True) for name in _KEY),
        sa.Column("event_at", UtcDateTime(), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
    )
    columns = ["patient_id", "issuer_of_patient_id", "event_at"]
    op.create_index(f"ix_patient_message_{'_'.join(columns)}", "patient_message", columns)


def downgrade() -> None:
    op.drop_table("patient_message")
