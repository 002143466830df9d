"""Find old patient messages"""

from alembic import op

revision = "0062"
down_revision = "0061"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_patient_message_received_at", "patient_message", ["received_at"])


def downgrade() -> None:
    op.drop_index("ix_patient_message_received_at", "patient_message")
