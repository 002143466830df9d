"""How long studies stay: legal holds, their last use, what the rules gave, proof at peers, disk."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, Index, Integer, String, Table

from storage.tables.base import Uid, UtcDateTime, metadata, text_column, time_column

# A study that a person wants to stay, whatever the rules are.
legal_hold = Table(
    "legal_hold",
    metadata,
    Column("study_instance_uid", Uid, primary_key=True),
    text_column("reason"),
    text_column("placed_by"),
    # The identity behind the name (`storage.core.callers.identity`); empty for an operator.
    text_column("placed_by_id"),
    time_column("placed_at"),
)

# When somebody last used a study, to the hour.
study_use = Table(
    "study_use",
    metadata,
    Column("study_instance_uid", Uid, primary_key=True),
    time_column("used_at"),
)

# What the rules gave for a study as it was then: another digest or time lets them decide again.
study_retention = Table(
    "study_retention",
    metadata,
    Column("study_instance_uid", Uid, primary_key=True),
    Column("rules_digest", String(64), nullable=False),
    time_column("study_updated_at"),
    # Empty: no rule holds, and the study stays.
    text_column("rule"),
    # Its place in the file, by which studies leave where the disk is short.
    Column("position", Integer, nullable=False),
    Column("may_evict", Boolean, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    # When its time is over at the earliest; none: never by time.
    time_column("leaves_at", nullable=True),
    # By which studies leave where the disk is short: the last use, or the arrival.
    time_column("last_needed_at"),
    # One that had to stay is looked at again then.
    time_column("look_again_at"),
    Index("ix_study_retention_leaves_at", "leaves_at"),
    Index("ix_study_retention_position_last_needed_at", "position", "last_needed_at"),
)

# What a peer answered when it was asked whether it has the received instances of a study.
study_confirmation = Table(
    "study_confirmation",
    metadata,
    Column("study_instance_uid", Uid, primary_key=True),
    Column("peer", String(80), primary_key=True),
    # As the study was then: one that has grown is asked about again.
    time_column("study_updated_at"),
    Column("is_complete", Boolean, nullable=False),
    text_column("detail"),
    time_column("asked_at"),
    time_column("ask_again_at"),
)

# Free space of each host's data folder, about once an hour.
disk_sample = Table(
    "disk_sample",
    metadata,
    Column("host", String(255), primary_key=True),
    Column("at", UtcDateTime, primary_key=True),
    Column("free_bytes", BigInteger, nullable=False),
)

# One row: how far the audit trail was read for uses, and what the last round found.
retention_state = Table(
    "retention_state",
    metadata,
    Column("id", Integer, primary_key=True),
    # All uses up to here are noted; those up to the next one may not all have been there yet.
    Column("audit_id", BigInteger, nullable=False),
    Column("next_audit_id", BigInteger, nullable=False),
    time_column("read_at"),
    Column("round", JSON, nullable=False),
)
