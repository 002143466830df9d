"""Storage commitment: what peers asked for, and what the node asked destinations for."""

from sqlalchemy import (
    JSON,
    Column,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
)

from storage.tables.base import BigId, Uid, metadata, text_column, time_column

commitment_report = Table(
    "commitment_report",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("transaction_uid", Uid, nullable=False),
    Column("peer_ae_title", String(16), nullable=False),
    Column("references", JSON, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    text_column("lease_owner"),
    time_column("next_attempt_at"),
    text_column("last_error"),
    time_column("created_at"),
    time_column("updated_at"),
    UniqueConstraint("peer_ae_title", "transaction_uid"),
    Index("ix_commitment_report_state_next_attempt_at", "state", "next_attempt_at"),
)


commitment_request = Table(
    "commitment_request",
    metadata,
    Column("transaction_uid", Uid, primary_key=True),
    Column("destination", String(80), nullable=False),
    Column("references", JSON, nullable=False),
    Column("state", String(16), nullable=False),
    Column("failed", JSON, nullable=False),
    time_column("created_at"),
    time_column("updated_at"),
    Index("ix_commitment_request_created_at", "created_at"),
)
