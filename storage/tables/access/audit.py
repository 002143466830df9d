"""The audit trail: a chain of events, its state, how far each sink is, and whence series came."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
)

from storage.tables.base import BigId, Uid, metadata, text_column, time_column

audit_event = Table(
    "audit_event",
    metadata,
    Column("audit_id", BigId, primary_key=True),
    # Null until the event is sealed: then its place in the chain, without gaps.
    Column("chain_index", BigInteger, unique=True),
    Column("chain_hash", String(64), nullable=False, server_default=""),
    Column("chain_key", String(16), nullable=False, server_default=""),
    # What may still be counted into this row: one who looks at one study within one minute.
    Column("window_key", String(64), unique=True),
    time_column("window_ends_at", nullable=True),
    time_column("at"),
    Column("code", String(16), nullable=False),
    Column("type_code", String(16), nullable=False, server_default=""),
    Column("action", String(1), nullable=False),
    Column("outcome", SmallInteger, nullable=False),
    Column("actor_kind", String(16), nullable=False),
    text_column("actor_name"),
    # The identity behind the name (`storage.core.callers.identity`): a key's id, issuer
    # and subject.
    text_column("actor_id"),
    text_column("actor_address"),
    text_column("process"),
    text_column("request_id"),
    Column("study_instance_uids", JSON, nullable=False),
    Column("patient_ids", JSON, nullable=False),
    Column("occurrences", Integer, nullable=False, server_default="1"),
    Column("detail", JSON, nullable=False),
    Index("ix_audit_event_at", "at"),
    Index("ix_audit_event_actor_name_at", "actor_name", "at"),
    sqlite_autoincrement=True,
)

audit_subject = Table(
    "audit_subject",
    metadata,
    Column("audit_id", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String(8), primary_key=True),
    Column("value", String(128), primary_key=True),
    Index("ix_audit_subject_kind_value_audit_id", "kind", "value", "audit_id"),
)
"""Studies and patients of an event, so that both are found; the event itself names them too."""

audit_chain = Table(
    "audit_chain",
    metadata,
    Column("name", String(16), primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("hash", String(64), nullable=False),
    Column("mac", String(64), nullable=False),
    time_column("updated_at"),
)
"""`base`: retention removed up to it; `head`: the last one sealed; `sink:…`: the last one sent."""

series_request = Table(
    "series_request",
    metadata,
    Column("series_instance_uid", Uid, primary_key=True),
    Column("request_id", String(64), nullable=False),
    time_column("at"),
)
"""Which request or association last brought instances of a series."""
