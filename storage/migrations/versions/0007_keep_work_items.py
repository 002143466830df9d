"""Keep work items and their subscribers, webhooks, and answers by idempotency key"""

import sqlalchemy as sa
from alembic import op

from storage.tables import UtcDateTime
from storage.tables.base import BigId

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), server_default="", nullable=False)


def _time(name: str, *, nullable: bool = False) -> sa.Column[sa.types.TypeEngine[object]]:
    return sa.Column(name, UtcDateTime(), nullable=nullable)


def upgrade() -> None:
    _create_work_items()
    _create_webhooks()
    op.create_table(
        "idempotency_key",
        sa.Column("key_hash", sa.String(length=64), nullable=False),
        sa.Column("request_hash", sa.String(length=64), nullable=False),
        sa.Column("attempt", sa.String(length=36), nullable=False),
        sa.Column("answer", sa.LargeBinary(), nullable=True),
        _time("locked_until"),
        _time("expires_at"),
        sa.PrimaryKeyConstraint("key_hash", name=op.f("pk_idempotency_key")),
    )
    op.create_index("ix_idempotency_key_expires_at", "idempotency_key", ["expires_at"])


def _create_work_items() -> None:
    op.create_table(
        "work_item",
        sa.Column("sop_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        _text("performer"),
        _text("transaction_uid"),
        sa.Column("job_ids", sa.JSON(), nullable=False),
        _text("study_instance_uid"),
        _text("patient_id"),
        sa.Column("attributes", sa.JSON(), nullable=False),
        _time("created_at"),
        _time("updated_at"),
        sa.PrimaryKeyConstraint("sop_instance_uid", name=op.f("pk_work_item")),
    )
    op.create_index("ix_work_item_state_performer", "work_item", ["state", "performer"])
    op.create_index("ix_work_item_study_instance_uid", "work_item", ["study_instance_uid"])
    op.create_index("ix_work_item_created_at", "work_item", ["created_at"])
    op.create_table(
        "subscriber",
        sa.Column("ae_title", sa.String(length=16), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        _time("updated_at"),
        sa.PrimaryKeyConstraint("ae_title", name=op.f("pk_subscriber")),
    )
    op.create_table(
        "subscription",
        sa.Column("ae_title", sa.String(length=16), nullable=False),
        sa.Column("workitem_uid", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("deletion_lock", sa.Boolean(), nullable=False),
        sa.Column("filter", sa.JSON(), nullable=False),
        _time("changed_at"),
        sa.PrimaryKeyConstraint("ae_title", "workitem_uid", name=op.f("pk_subscription")),
    )
    op.create_index(op.f("ix_subscription_workitem_uid"), "subscription", ["workitem_uid"])


def _create_webhooks() -> None:
    op.create_table(
        "webhook",
        sa.Column("webhook_id", sa.String(length=36), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        _text("description"),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("secret", sa.Text(), nullable=False),
        sa.Column("event_id", sa.BigInteger(), nullable=False),
        _text("lease_owner"),
        _time("lease_expires_at", nullable=True),
        _time("created_at"),
        _time("updated_at"),
        sa.PrimaryKeyConstraint("webhook_id", name=op.f("pk_webhook")),
    )
    op.create_table(
        "webhook_delivery",
        sa.Column("number", BigId, nullable=False),
        sa.Column("delivery_id", sa.String(length=36), nullable=False),
        sa.Column("webhook_id", sa.String(length=36), nullable=False),
        sa.Column("event_type", sa.String(length=40), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        _time("next_attempt_at"),
        _text("last_error"),
        sa.Column("last_status", sa.Integer(), nullable=True),
        _time("created_at"),
        _time("ended_at", nullable=True),
        sa.ForeignKeyConstraint(
            ["webhook_id"],
            ["webhook.webhook_id"],
            name=op.f("fk_webhook_delivery_webhook_id"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_webhook_delivery")),
        sa.UniqueConstraint("delivery_id", name=op.f("uq_webhook_delivery_delivery_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_webhook_delivery_webhook_id_state_number",
        "webhook_delivery",
        ["webhook_id", "state", "number"],
    )
    op.create_index("ix_webhook_delivery_state_ended_at", "webhook_delivery", ["state", "ended_at"])


def downgrade() -> None:
    for table in (
        "idempotency_key",
        "webhook_delivery",
        "webhook",
        "subscription",
        "subscriber",
        "work_item",
    ):
        op.drop_table(table)
