"""What happened, for streams and webhooks."""

from sqlalchemy import (
    JSON,
    Column,
    Index,
    String,
    Table,
)

from storage.tables.base import BigId, Uid, metadata, time_column

event = Table(
    "event",
    metadata,
    Column("event_id", BigId, primary_key=True),
    time_column("at"),
    Column("topic", String(16), nullable=False),
    Column("study_instance_uid", Uid, nullable=False),
    Column("job_id", String(36)),
    Column("payload", JSON, nullable=False),
    Index("ix_event_job_id_event_id", "job_id", "event_id"),
    Index("ix_event_at", "at"),
    sqlite_autoincrement=True,
)
