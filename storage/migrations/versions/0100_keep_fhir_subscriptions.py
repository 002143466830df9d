"""Keep subscriptions of FHIR"""

import sqlalchemy as sa
from alembic import op

from storage.tables.base import UtcDateTime

revision = "0100"
down_revision = "0099"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "fhir_subscription",
        sa.Column("webhook_id", sa.String(length=36), nullable=False),
        sa.Column("topic", sa.String(length=40), nullable=False),
        sa.Column("fhir_version", sa.String(length=4), nullable=False),
        sa.Column("status", sa.String(length=16), nullable=False),
        sa.Column("content", sa.String(length=16), nullable=False),
        sa.Column("filters", sa.JSON(), nullable=False),
        sa.Column("patients", sa.JSON(), nullable=False),
        sa.Column("heartbeat_s", sa.Integer(), nullable=False),
        sa.Column("timeout_s", sa.Integer(), nullable=False),
        sa.Column("max_count", sa.Integer(), nullable=False),
        sa.Column("headers", sa.Text(), nullable=False),
        sa.Column("error", sa.Text(), server_default="", nullable=False),
        sa.Column("event_count", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", UtcDateTime(), nullable=True),
        sa.Column("last_sent_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["webhook_id"],
            ["webhook.webhook_id"],
            name=op.f("fk_fhir_subscription_webhook_id_webhook"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("webhook_id", name=op.f("pk_fhir_subscription")),
    )


def downgrade() -> None:
    op.drop_table("fhir_subscription")
    # The version before would send them notices of its own form.
    op.execute(
        "DELETE FROM webhook_delivery WHERE webhook_id IN"
        " (SELECT webhook_id FROM webhook WHERE kind = 'fhir')"
    )
    op.execute("DELETE FROM webhook WHERE kind = 'fhir'")
