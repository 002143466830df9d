"""What other systems announce and ask: commitment, procedure steps, worklist, peers."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
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

procedure_step = Table(
    "procedure_step",
    metadata,
    Column("sop_instance_uid", Uid, primary_key=True),
    Column("state", String(16), nullable=False),
    Column("calling_ae_title", String(16), nullable=False),
    Column("attributes", JSON, nullable=False),
    time_column("created_at"),
    time_column("updated_at"),
)

availability_notice = Table(
    "availability_notice",
    metadata,
    Column("sop_instance_uid", Uid, primary_key=True),
    Column("calling_ae_title", String(16), nullable=False),
    Column("study_instance_uid", Uid, nullable=False, index=True),
    Column("attributes", JSON, nullable=False),
    time_column("received_at"),
)

expectation = Table(
    "expectation",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("series_instance_uid", Uid, nullable=False, index=True),
    Column("announced_by", String(80), nullable=False),
    Column("is_final", Boolean, nullable=False),
    Column("sop_instance_uids", JSON, nullable=False),
    Column("instance_count", Integer),
    time_column("updated_at"),
    UniqueConstraint("announced_by", "series_instance_uid"),
)

worklist_item = Table(
    "worklist_item",
    metadata,
    Column("worklist_item_id", String(36), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("study_instance_uid", Uid, nullable=False, index=True),
    text_column("accession_number", index=True),
    text_column("start"),
    Column("attributes", JSON, nullable=False),
    time_column("created_at"),
    time_column("updated_at"),
    Index("ix_worklist_item_state_start", "state", "start"),
)

peer = Table(
    "peer",
    metadata,
    Column("name", String(80), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("ae_title", String(16), nullable=False),
    text_column("host"),
    Column("port", Integer, nullable=False),
    text_column("url"),
    text_column("token_header"),
    text_column("token"),
    text_column("folder"),
    Column("sources", JSON, nullable=False),
    Column("may", JSON, nullable=False),
    Column("tls", Boolean, nullable=False),
    Column("tls_verify", String(16), nullable=False),
    # By which the peer proves that it is the one: see `storage.peers.certificates`.
    Column("tls_certificates", JSON, nullable=False, server_default="[]"),
    Column("is_destination", Boolean, nullable=False),
    Column("object_kinds", JSON, nullable=False),
    Column("max_associations", Integer, nullable=False),
    Column("max_sendings", Integer, nullable=False),
    Column("bandwidth_bytes_per_s", BigInteger, nullable=False),
    time_column("created_at"),
    time_column("updated_at"),
)
