"""Rejection notes (IHE RAD TF-3 4.66) and what they reject."""

from sqlalchemy import Boolean, Column, Index, String, Table, false, text

from storage.tables.base import Uid, metadata, time_column

# Each Key Object Selection that was read; the code is empty where its title rejects nothing.
rejection_note = Table(
    "rejection_note",
    metadata,
    Column("sop_instance_uid", Uid, primary_key=True),
    Column("study_instance_uid", Uid, nullable=False, index=True),
    Column("code", String(16), nullable=False),
    # Its code, where its sender may not reject; `code` is empty then.
    Column("ignored_code", String(16), nullable=False, server_default=""),
    # Another note in force rejects it.
    Column("is_revoked", Boolean, nullable=False, server_default=false()),
    time_column("read_at"),
)

rejection = Table(
    "rejection",
    metadata,
    Column("note_sop_instance_uid", Uid, primary_key=True),
    Column("sop_instance_uid", Uid, primary_key=True),
    Column("study_instance_uid", Uid, nullable=False, index=True),
    # Whether the instance was here and is hidden; what comes later still has to be.
    Column("is_applied", Boolean, nullable=False, server_default=false()),
    Index("ix_rejection_sop_instance_uid", "sop_instance_uid"),
    Index(
        "ix_rejection_pending",
        "sop_instance_uid",
        sqlite_where=text("is_applied = 0"),
        postgresql_where=text("NOT is_applied"),
    ),
)
