"""Answers kept under idempotency keys."""

from sqlalchemy import Column, Index, LargeBinary, String, Table

from storage.tables.base import metadata, time_column

idempotency_key = Table(
    "idempotency_key",
    metadata,
    Column("key_hash", String(64), primary_key=True),
    Column("request_hash", String(64), nullable=False),
    Column("attempt", String(36), nullable=False),
    Column("answer", LargeBinary),
    time_column("locked_until"),
    time_column("expires_at"),
    Index("ix_idempotency_key_expires_at", "expires_at"),
)
