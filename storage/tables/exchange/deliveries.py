"""What is on its way to destinations: results, and received instances that go on."""

from sqlalchemy import (
    Boolean,
    Column,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
    false,
    text,
)

from storage.tables.base import Uid, metadata, text_column, time_column

delivery = Table(
    "delivery",
    metadata,
    Column("delivery_id", String(36), primary_key=True),
    Column("destination", String(80), nullable=False),
    Column("study_instance_uid", Uid, nullable=False),
    Column("series_instance_uid", Uid, nullable=False),
    Column("sop_instance_uid", Uid, nullable=False),
    Column("job_id", String(36)),
    Column("cause", String(16), nullable=False, server_default="RESULT"),
    # Of the site, where one wanted it.
    text_column("rule"),
    Column("state", String(16), nullable=False),
    # Of one that is CANCELLED: where it goes on if its instance is shown again.
    Column("cancelled_from", String(16), nullable=False, server_default=""),
    Column("attempts", Integer, nullable=False),
    text_column("lease_owner"),
    time_column("next_attempt_at"),
    text_column("last_error"),
    time_column("sent_at", nullable=True),
    Column("questions", Integer, nullable=False, server_default="0"),
    # What a sender has read is no longer so: it goes once more, whatever becomes of the sending.
    Column("is_outdated", Boolean, nullable=False, server_default=false()),
    # Its rule sends from then on; nobody claims it before.
    time_column("waits_until", nullable=True),
    # A person wants it now: the hours of its rule do not hold for it.
    Column("is_urgent", Boolean, nullable=False, server_default=false()),
    # What was otherwise about the sending than its rule says.
    text_column("note"),
    text_column("request_id"),
    time_column("created_at"),
    time_column("updated_at"),
    UniqueConstraint("destination", "sop_instance_uid"),
    Index("ix_delivery_state_next_attempt_at", "state", "next_attempt_at"),
    Index("ix_delivery_destination_state", "destination", "state"),
    Index("ix_delivery_study_instance_uid_destination", "study_instance_uid", "destination"),
    # What is sent next, however many wait.
    Index(
        "ix_delivery_next",
        "destination",
        "cause",
        "state",
        "next_attempt_at",
        "created_at",
    ),
    # Whose rules may have been changed.
    Index(
        "ix_delivery_waits_until",
        "rule",
        "waits_until",
        sqlite_where=text("waits_until IS NOT NULL"),
        postgresql_where=text("waits_until IS NOT NULL"),
    ),
)

# A destination that is out of reach, and until when it is left alone.
breaker = Table(
    "breaker",
    metadata,
    Column("destination", String(80), primary_key=True),
    Column("failures", Integer, nullable=False),
    text_column("last_error"),
    time_column("since"),
    time_column("open_until"),
)
