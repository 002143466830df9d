"""Notify people by mail and chats, and announce what is wrong with the node"""

import sqlalchemy as sa
from alembic import op

from storage.tables.base import UtcDateTime

revision = "0088"
down_revision = "0087"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in (
        sa.Column("kind", sa.String(16), server_default="webhook", nullable=False),
        sa.Column("language", sa.String(8), server_default="en", nullable=False),
        sa.Column("wait_s", sa.Integer(), server_default="0", nullable=False),
        sa.Column("quiet_hours", sa.String(16), server_default="", nullable=False),
        sa.Column("names_patients", sa.Boolean(), server_default=sa.false(), nullable=False),
    ):
        op.add_column("webhook", column)
    op.add_column(
        "webhook_delivery",
        sa.Column("message_id", sa.String(36), server_default="", nullable=False),
    )
    op.create_table(
        "node_condition",
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("is_announced", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_node_condition")),
    )


def downgrade() -> None:
    """Without people: the version before would send them whole notices, as to a program."""
    people = "SELECT webhook_id FROM webhook WHERE kind <> 'webhook'"
    op.execute(f"DELETE FROM webhook_delivery WHERE webhook_id IN ({people})")
    op.execute("DELETE FROM webhook WHERE kind <> 'webhook'")
    op.drop_table("node_condition")
    op.drop_column("webhook_delivery", "message_id")
    for name in ("names_patients", "quiet_hours", "wait_s", "language", "kind"):
        op.drop_column("webhook", name)
