"""Where instances lie, what was found of the bytes there, and what must not come back."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    literal_column,
    text,
)

from storage.tables.base import (
    BigId,
    Uid,
    metadata,
    text_column,
    time_column,
)

damaged_instance = Table(
    "damaged_instance",
    metadata,
    Column("sop_instance_uid", Uid, primary_key=True),
    Column("study_instance_uid", Uid, nullable=False, index=True),
    Column("digest", String(64), nullable=False),
    # Where it lay: a row that names another place by now was repaired.
    Column("volume", String(80), nullable=False),
    Column("volume_offset", BigInteger, nullable=False),
    Column("kind", String(16), nullable=False),
    # Whether another copy still gives the bytes that arrived.
    Column("has_copy", Boolean, nullable=False),
    time_column("noticed_at"),
)

# A record whose row the database refused, since it does not take its values.
refused_row = Table(
    "refused_row",
    metadata,
    Column("sop_instance_uid", Uid, primary_key=True),
    # Empty: an object of its own.
    Column("volume", String(80), primary_key=True),
    Column("volume_offset", BigInteger, primary_key=True, autoincrement=False),
    time_column("noticed_at"),
    Index("ix_refused_row_volume", "volume"),
)

# One row: how far the scrub has come.
scrub = Table(
    "scrub",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("last_row_id", BigInteger, nullable=False),
    Column("checked_bytes", BigInteger, nullable=False),
    Column("total_bytes", BigInteger, nullable=False),
    time_column("started_at"),
    time_column("finished_at", nullable=True),
)

conflict = Table(
    "conflict",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("sop_instance_uid", Uid, nullable=False, index=True),
    Column("size_bytes", BigInteger, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("source", Text, nullable=False),
    # The identity or address that sent it (`storage.core.callers.shares`); empty: nobody knows.
    text_column("sent_by"),
    text_column("called_ae_title"),
    text_column("peer_address"),
    time_column("received_at"),
    Column("volume", String(80), nullable=False),
    Column("volume_offset", BigInteger, nullable=False),
    # Of its copy in the bucket; empty: there is none yet, or no bucket.
    text_column("object_key"),
    UniqueConstraint("sop_instance_uid", "digest"),
    Index("ix_conflict_sent_by", "sent_by", "size_bytes"),
    Index(
        "ix_conflict_uncopied",
        "volume",
        sqlite_where=text("object_key = ''"),
        postgresql_where=text("object_key = ''"),
    ),
)

# Objects of conflicts that were begun in the bucket, each until it is removed there.
conflict_copy = Table(
    "conflict_copy",
    metadata,
    Column("object_key", String(200), primary_key=True),
    Column("sop_instance_uid", Uid, nullable=False),
    Column("digest", String(64), nullable=False),
    time_column("received_at"),
)

volume = Table(
    "volume",
    metadata,
    Column("name", String(80), primary_key=True),
    Column("size_bytes", BigInteger, nullable=False),
    time_column("reconciled_at"),
    time_column("retired_at", nullable=True),
    # The file is gone, and its copy in the bucket waits for those of the volumes that came after.
    Column("is_copy_kept", Boolean, nullable=False, server_default=false()),
)

tombstone = Table(
    "tombstone",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("sop_instance_uid", Uid, nullable=False),
    Column("study_instance_uid", Uid, nullable=False),
    Column("generation", BigInteger, nullable=False),
    text_column("object_key"),
    time_column("deleted_at"),
    # From the deleted row; earlier versions did not keep it. That of the deletion where a later row
    # stood, of which no copy could say whether it is the deleted one.
    time_column("received_at", nullable=True),
    UniqueConstraint("sop_instance_uid", "generation"),
    Index("ix_tombstone_generation", "generation"),
    Index(
        "ix_tombstone_unpurged",
        "id",
        sqlite_where=text("object_key <> ''"),
        postgresql_where=text("object_key <> ''"),
    ),
)

# Of records under the UID of an instance that stays: what of them a person let go.
discarded_content = Table(
    "discarded_content",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("sop_instance_uid", Uid, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("generation", BigInteger, nullable=False),
    time_column("discarded_at"),
    UniqueConstraint("sop_instance_uid", "digest", "generation"),
    Index("ix_discarded_content_generation", "generation"),
)

# Deletions that no bucket knows of; where there is none, all of them.
uncopied_deletion = Table(
    "uncopied_deletion",
    metadata,
    Column("generation", BigInteger, primary_key=True, autoincrement=False),
)

# What was deleted or let go, and does not stand in a volume yet.
unwritten_tombstone = Table(
    "unwritten_tombstone",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("generation", BigInteger, nullable=False),
    Column("study_instance_uid", Uid, nullable=False),
    time_column("deleted_at"),
    Column("payload", Text, nullable=False),
)

UNPURGED = tombstone.c.object_key != literal_column("''")
"""Deleted instances whose object has not left the bucket yet."""
