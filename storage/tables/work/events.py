"""What happened, for streams and webhooks."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Index,
    String,
    Table,
    text,
)

from storage.tables.base import BigId, Uid, metadata, text_column, time_column

event = Table(
    "event",
    metadata,
    Column("event_id", BigId, primary_key=True),
    time_column("at"),
    Column("topic", String(16), nullable=False),
    Column("study_instance_uid", Uid, nullable=False),
    Column("job_id", String(36)),
    Column("payload", JSON, nullable=False),
    # Of workitems: the identity or address whose request it was (`storage.core.callers.shares`).
    text_column("caused_by"),
    Column("size_bytes", BigInteger, nullable=False, server_default="0"),
    Index("ix_event_job_id_event_id", "job_id", "event_id"),
    Index("ix_event_at", "at"),
    Index(
        "ix_event_caused_by",
        "caused_by",
        "size_bytes",
        sqlite_where=text("caused_by != ''"),
        postgresql_where=text("caused_by != ''"),
    ),
    sqlite_autoincrement=True,
)
