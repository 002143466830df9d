"""Other systems: how they are reached, and what they may do."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Integer,
    String,
    Table,
    false,
)

from storage.tables.base import metadata, text_column, time_column

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
    # Whether this node may ask it for earlier studies, and who issued its patient IDs.
    Column("is_archive", Boolean, nullable=False, server_default=false()),
    text_column("issuer_of_patient_id"),
    # Of a FHIR server: `storage.peers.repository.KnownPeer`.
    Column("fhir_version", String(8), nullable=False, server_default="R4"),
    Column("fhir_patients", String(16), nullable=False, server_default="match"),
    text_column("fhir_patient_systems"),
    Column("sign_in", String(16), nullable=False, server_default="header"),
    text_column("user_name"),
    text_column("token_url"),
    text_column("token_scope"),
    Column("object_kinds", JSON, nullable=False),
    # Of what it is notified: `storage.peers.notifications.NotificationKind`.
    Column("notifications", JSON, nullable=False, server_default="[]"),
    Column("max_associations", Integer, nullable=False),
    Column("max_sendings", Integer, nullable=False),
    Column("bandwidth_bytes_per_s", BigInteger, nullable=False),
    time_column("created_at"),
    time_column("updated_at"),
)
