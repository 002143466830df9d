"""Subscriptions of FHIR: what of them a webhook does not have. Each is a webhook of kind `fhir`."""

from sqlalchemy import JSON, BigInteger, Column, ForeignKey, Integer, String, Table, Text

from storage.tables.base import metadata, text_column, time_column

fhir_subscription = Table(
    "fhir_subscription",
    metadata,
    Column(
        "webhook_id",
        ForeignKey("webhook.webhook_id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("topic", String(40), nullable=False),
    Column("fhir_version", String(4), nullable=False),
    Column("status", String(16), nullable=False),
    Column("content", String(16), nullable=False),
    # Parameters with their values as the subscriber wrote them.
    Column("filters", JSON, nullable=False),
    # All of these must hold, each by one of its patients: ID, and issuer where one is named.
    Column("patients", JSON, nullable=False),
    Column("heartbeat_s", Integer, nullable=False),
    Column("timeout_s", Integer, nullable=False),
    Column("max_count", Integer, nullable=False),
    # Sealed: they hold what the subscriber knows the node by.
    Column("headers", Text, nullable=False),
    text_column("error"),
    Column("event_count", BigInteger, nullable=False),
    time_column("ends_at", nullable=True),
    time_column("last_sent_at", nullable=True),
)
