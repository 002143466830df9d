"""Who is notified of events, and what is on its way to them."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    false,
)

from storage.tables.base import BigId, metadata, text_column, time_column

webhook = Table(
    "webhook",
    metadata,
    Column("webhook_id", String(36), primary_key=True),
    Column("url", Text, nullable=False),
    text_column("description"),
    Column("events", JSON, nullable=False),
    Column("is_active", Boolean, nullable=False),
    Column("secret", Text, nullable=False),
    # `webhook` for programs; mail and chats are for people.
    Column("kind", String(16), nullable=False, server_default="webhook"),
    Column("language", String(8), nullable=False, server_default="en"),
    Column("wait_s", Integer, nullable=False, server_default="0"),
    Column("quiet_hours", String(16), nullable=False, server_default=""),
    Column("names_patients", Boolean, nullable=False, server_default=false()),
    # Whose groups decide what it sends. Not known of those from before it was noted.
    Column("created_by", JSON),
    text_column("created_by_id"),
    # Whatever access groups say: an administrator's.
    Column("sends_everything", Boolean, nullable=False, server_default=false()),
    Column("event_id", BigInteger, nullable=False),
    text_column("lease_owner"),
    time_column("lease_expires_at", nullable=True),
    time_column("created_at"),
    time_column("updated_at"),
)

webhook_delivery = Table(
    "webhook_delivery",
    metadata,
    Column("number", BigId, primary_key=True),
    Column("delivery_id", String(36), nullable=False, unique=True),
    Column(
        "webhook_id",
        ForeignKey("webhook.webhook_id", ondelete="CASCADE"),
        nullable=False,
    ),
    Column("event_type", String(40), nullable=False),
    Column("payload", JSON, nullable=False),
    # Of those that went to people in one message; empty before its first attempt.
    Column("message_id", String(36), nullable=False, server_default=""),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    time_column("next_attempt_at"),
    text_column("last_error"),
    Column("last_status", Integer),
    time_column("created_at"),
    time_column("ended_at", nullable=True),
    Index("ix_webhook_delivery_webhook_id_state_number", "webhook_id", "state", "number"),
    Index("ix_webhook_delivery_state_ended_at", "state", "ended_at"),
    Index("ix_webhook_delivery_state_event_type", "state", "event_type"),
    sqlite_autoincrement=True,
)
