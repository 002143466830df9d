"""Find notices of critical findings by an index, however many others wait"""

from alembic import op

revision = "0139"
down_revision = "0138"
branch_labels = None
depends_on = None

_NAME = "ix_webhook_delivery_state_event_type"


def upgrade() -> None:
    op.create_index(_NAME, "webhook_delivery", ["state", "event_type"])


def downgrade() -> None:
    op.drop_index(_NAME, table_name="webhook_delivery")
