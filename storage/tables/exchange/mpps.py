"""What modalities and workstations announce: procedure steps, instances available."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
)

from storage.tables.base import BigId, Uid, metadata, text_column, time_column

procedure_step = Table(
    "procedure_step",
    metadata,
    Column("sop_instance_uid", Uid, primary_key=True),
    Column("state", String(16), nullable=False),
    Column("calling_ae_title", String(16), nullable=False),
    Column("attributes", JSON, nullable=False),
    # Of the peer that began it; none: an earlier version noted the AE title alone.
    Column("identity_id", String(620)),
    # With what it announces.
    Column("size_bytes", BigInteger, nullable=False, server_default="0"),
    time_column("created_at"),
    time_column("updated_at"),
    Index("ix_procedure_step_identity_id", "identity_id", "calling_ae_title", "size_bytes"),
)


availability_notice = Table(
    "availability_notice",
    metadata,
    Column("sop_instance_uid", Uid, primary_key=True),
    Column("calling_ae_title", String(16), nullable=False),
    Column("study_instance_uid", Uid, nullable=False, index=True),
    Column("attributes", JSON, nullable=False),
    Column("identity_id", String(620)),
    Column("size_bytes", BigInteger, nullable=False, server_default="0"),
    time_column("received_at"),
    Index("ix_availability_notice_identity_id", "identity_id", "calling_ae_title", "size_bytes"),
)


# What other systems are still to be notified of: one row for each of them and each step or study.
peer_notification = Table(
    "peer_notification",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("peer_name", String(80), nullable=False),
    Column("kind", String(16), nullable=False),
    # The SOP Instance UID of a procedure step, or a Study Instance UID.
    Column("subject_uid", Uid, nullable=False),
    # How often there was something new.
    Column("changes", Integer, nullable=False),
    # A digest of what the peer took last; empty before that.
    Column("known_digest", String(64), nullable=False),
    # Of a study: instances of which the peer is to learn that they are gone, by series.
    Column("gone", JSON, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    text_column("lease_owner"),
    time_column("next_attempt_at"),
    text_column("last_error"),
    time_column("created_at"),
    time_column("updated_at"),
    UniqueConstraint("peer_name", "kind", "subject_uid"),
    Index("ix_peer_notification_state_next_attempt_at", "state", "next_attempt_at"),
)
