"""The tables of the index and of the ledger of work.

One schema for SQLite and PostgreSQL. Column names are DICOM keywords in
snake_case. Alembic's migrations create it; a test holds both alike.
"""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Float,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    literal_column,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


class UtcDateTime(TypeDecorator[datetime]):
    """Aware datetimes in UTC, on databases that keep the zone and on those that don't."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


BigId = BigInteger().with_variant(Integer(), "sqlite")
"""SQLite gives out row ids for INTEGER alone."""
Uid = String(64)


def _text(name: str, **options: Any) -> Column[str]:
    return Column(name, Text, nullable=False, server_default="", **options)


def _at(name: str, *, nullable: bool = False) -> Column[datetime]:
    return Column(name, UtcDateTime, nullable=nullable)


patient = Table(
    "patient",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("patient_key", Text, nullable=False, unique=True),
    _text("patient_id"),
    _text("issuer_of_patient_id"),
    _text("patient_name"),
    _text("patient_birth_date"),
    _text("patient_sex"),
    Index("ix_patient_patient_id", "patient_id"),
    Index("ix_patient_patient_name", "patient_name"),
)

study = Table(
    "study",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("patient_fk", ForeignKey("patient.id"), nullable=False, index=True),
    Column("study_instance_uid", Uid, nullable=False, unique=True),
    _text("study_date"),
    _text("study_time"),
    _text("accession_number"),
    _text("study_description"),
    _text("study_id"),
    _text("referring_physician_name"),
    _at("received_at"),
    _at("updated_at"),
    Index("ix_study_study_date", "study_date"),
    Index("ix_study_accession_number", "accession_number"),
    Index("ix_study_received_at", "received_at"),
)

series = Table(
    "series",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("study_fk", ForeignKey("study.id"), nullable=False),
    Column("series_instance_uid", Uid, nullable=False, index=True),
    _text("modality"),
    Column("series_number", Integer),
    _text("series_description"),
    _text("series_date"),
    _text("series_time"),
    _text("body_part_examined"),
    _text("protocol_name"),
    _text("frame_of_reference_uid"),
    _text("manufacturer"),
    _text("manufacturer_model_name"),
    _text("station_name"),
    _text("institution_name"),
    _text("performed_procedure_step_start_date"),
    _text("performed_procedure_step_start_time"),
    Column("state", String(16), nullable=False),
    Column("origin", String(16), nullable=False),
    _text("fingerprint"),
    _at("first_instance_at"),
    _at("last_instance_at"),
    _at("completed_at", nullable=True),
    UniqueConstraint("study_fk", "series_instance_uid"),
    Index("ix_series_state_last_instance_at", "state", "last_instance_at"),
)

instance = Table(
    "instance",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("series_fk", ForeignKey("series.id"), nullable=False, index=True),
    Column("sop_instance_uid", Uid, nullable=False, unique=True),
    Column("sop_class_uid", Uid, nullable=False),
    Column("transfer_syntax_uid", Uid, nullable=False),
    Column("instance_number", Integer),
    Column("rows", Integer),
    Column("columns", Integer),
    Column("bits_allocated", Integer),
    Column("number_of_frames", Integer),
    Column("size_bytes", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("source", Text, nullable=False),
    _at("received_at"),
    Column("volume", String(80), nullable=False),
    Column("volume_offset", BigInteger, nullable=False),
    _text("object_key"),
    # What still waits for the bucket.
    Index(
        "ix_instance_unsettled",
        "id",
        sqlite_where=text("object_key = ''"),
        postgresql_where=text("object_key = ''"),
    ),
)

UNSETTLED = instance.c.object_key == literal_column("''")
"""Instances that wait for the bucket. A bound value would keep SQLite from its partial index."""

conflict = Table(
    "conflict",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("sop_instance_uid", Uid, nullable=False, index=True),
    Column("size_bytes", BigInteger, nullable=False),
    Column("sha256", String(64), nullable=False),
    Column("source", Text, nullable=False),
    _at("received_at"),
    Column("volume", String(80), nullable=False),
    Column("volume_offset", BigInteger, nullable=False),
    UniqueConstraint("sop_instance_uid", "sha256"),
)

volume = Table(
    "volume",
    metadata,
    Column("name", String(80), primary_key=True),
    Column("size_bytes", BigInteger, nullable=False),
    _at("reconciled_at"),
    _at("retired_at", nullable=True),
)

tombstone = Table(
    "tombstone",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("sop_instance_uid", Uid, nullable=False),
    Column("study_instance_uid", Uid, nullable=False),
    Column("generation", BigInteger, nullable=False),
    _text("object_key"),
    _at("deleted_at"),
    UniqueConstraint("sop_instance_uid", "generation"),
    Index(
        "ix_tombstone_unpurged",
        "id",
        sqlite_where=text("object_key <> ''"),
        postgresql_where=text("object_key <> ''"),
    ),
)

UNPURGED = tombstone.c.object_key != literal_column("''")
"""Deleted instances whose object has not left the bucket yet."""

job = Table(
    "job",
    metadata,
    Column("job_id", String(36), primary_key=True),
    Column("pipeline", String(80), nullable=False),
    Column("pipeline_version", String(80), nullable=False),
    Column("study_instance_uid", Uid, nullable=False, index=True),
    Column("series_instance_uid", Uid, nullable=False),
    Column("input_fingerprint", String(64), nullable=False),
    _text("input_object_key"),
    Column("state", String(16), nullable=False),
    _text("stage"),
    Column("progress", Float, nullable=False),
    _text("reason"),
    Column("priority", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    _text("lease_owner"),
    _at("lease_expires_at", nullable=True),
    _at("created_at"),
    _at("started_at", nullable=True),
    _at("finished_at", nullable=True),
    _at("updated_at"),
    Column("result", JSON, nullable=False),
    UniqueConstraint("pipeline", "pipeline_version", "input_fingerprint"),
    Index("ix_job_state_priority_created_at", "state", "priority", "created_at"),
)

decision = Table(
    "decision",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("study_instance_uid", Uid, nullable=False, index=True),
    Column("series_instance_uid", Uid, nullable=False),
    Column("pipeline", String(80), nullable=False),
    Column("pipeline_version", String(80), nullable=False),
    Column("input_fingerprint", String(64), nullable=False),
    Column("accepted", Boolean, nullable=False),
    _text("reason"),
    Column("job_id", String(36)),
    _at("decided_at"),
    UniqueConstraint("study_instance_uid", "series_instance_uid", "pipeline"),
)

finding = Table(
    "finding",
    metadata,
    Column("finding_id", String(36), primary_key=True),
    Column("job_id", ForeignKey("job.job_id"), nullable=False, index=True),
    Column("study_instance_uid", Uid, nullable=False, index=True),
    Column("series_instance_uid", Uid, nullable=False),
    Column("pipeline", String(80), nullable=False),
    Column("pipeline_version", String(80), nullable=False),
    _text("label"),
    Column("code", JSON, nullable=False),
    Column("value", Float),
    Column("unit", JSON),
    Column("confidence", Float),
    _text("tracking_identifier"),
    Column("tracking_uid", Uid, nullable=False),
    Column("segmentation", JSON),
    _at("created_at"),
)

report = Table(
    "report",
    metadata,
    Column("report_id", String(36), primary_key=True),
    Column("study_instance_uid", Uid, nullable=False, index=True),
    Column("job_id", ForeignKey("job.job_id"), nullable=False, unique=True),
    Column("state", String(16), nullable=False),
    Column("language", String(16), nullable=False),
    _text("title"),
    Column("sections", JSON, nullable=False),
    _at("created_at"),
)

delivery = Table(
    "delivery",
    metadata,
    Column("delivery_id", String(36), primary_key=True),
    Column("destination", String(80), nullable=False),
    Column("study_instance_uid", Uid, nullable=False, index=True),
    Column("series_instance_uid", Uid, nullable=False),
    Column("sop_instance_uid", Uid, nullable=False),
    Column("job_id", String(36)),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    _text("lease_owner"),
    _at("next_attempt_at"),
    _text("last_error"),
    _at("sent_at", nullable=True),
    Column("questions", Integer, nullable=False, server_default="0"),
    _at("created_at"),
    _at("updated_at"),
    UniqueConstraint("destination", "sop_instance_uid"),
    Index("ix_delivery_state_next_attempt_at", "state", "next_attempt_at"),
)

event = Table(
    "event",
    metadata,
    Column("event_id", BigId, primary_key=True),
    _at("at"),
    Column("topic", String(16), nullable=False),
    Column("study_instance_uid", Uid, nullable=False),
    Column("job_id", String(36)),
    Column("payload", JSON, nullable=False),
    Index("ix_event_job_id_event_id", "job_id", "event_id"),
    sqlite_autoincrement=True,
)

upload = Table(
    "upload",
    metadata,
    Column("upload_id", String(36), primary_key=True),
    Column("object_key", Text, nullable=False, unique=True),
    _text("filename"),
    _text("content_type"),
    Column("size_bytes", BigInteger),
    Column("state", String(16), nullable=False),
    _text("reason"),
    _at("created_at"),
    _at("expires_at"),
)

heartbeat = Table(
    "heartbeat",
    metadata,
    Column("name", String(80), primary_key=True),
    _at("at"),
)

commitment_report = Table(
    "commitment_report",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("transaction_uid", Uid, nullable=False),
    Column("peer_ae_title", String(16), nullable=False),
    Column("references", JSON, nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    _text("lease_owner"),
    _at("next_attempt_at"),
    _text("last_error"),
    _at("created_at"),
    _at("updated_at"),
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
    _at("created_at"),
    _at("updated_at"),
    Index("ix_commitment_request_created_at", "created_at"),
)

procedure_step = Table(
    "procedure_step",
    metadata,
    Column("sop_instance_uid", Uid, primary_key=True),
    Column("state", String(16), nullable=False),
    Column("calling_ae_title", String(16), nullable=False),
    Column("attributes", JSON, nullable=False),
    _at("created_at"),
    _at("updated_at"),
)

availability_notice = Table(
    "availability_notice",
    metadata,
    Column("sop_instance_uid", Uid, primary_key=True),
    Column("calling_ae_title", String(16), nullable=False),
    Column("study_instance_uid", Uid, nullable=False, index=True),
    Column("attributes", JSON, nullable=False),
    _at("received_at"),
)

expectation = Table(
    "expectation",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("series_instance_uid", Uid, nullable=False, index=True),
    Column("announced_by", String(80), nullable=False),
    Column("is_final", Boolean, nullable=False),
    Column("sop_instance_uids", JSON, nullable=False),
    _at("updated_at"),
    UniqueConstraint("announced_by", "series_instance_uid"),
)

worklist_item = Table(
    "worklist_item",
    metadata,
    Column("worklist_item_id", String(36), primary_key=True),
    Column("state", String(16), nullable=False),
    Column("study_instance_uid", Uid, nullable=False, index=True),
    _text("accession_number"),
    _text("start"),
    Column("attributes", JSON, nullable=False),
    _at("created_at"),
    _at("updated_at"),
    Index("ix_worklist_item_state_start", "state", "start"),
)

peer = Table(
    "peer",
    metadata,
    Column("name", String(80), primary_key=True),
    Column("kind", String(16), nullable=False),
    Column("ae_title", String(16), nullable=False),
    _text("host"),
    Column("port", Integer, nullable=False),
    _text("url"),
    _text("token_header"),
    _text("token"),
    _text("folder"),
    Column("sources", JSON, nullable=False),
    Column("may", JSON, nullable=False),
    Column("tls", Boolean, nullable=False),
    Column("tls_verify", String(16), nullable=False),
    Column("is_destination", Boolean, nullable=False),
    Column("object_kinds", JSON, nullable=False),
    Column("max_associations", Integer, nullable=False),
    Column("max_sendings", Integer, nullable=False),
    Column("bandwidth_bytes_per_s", BigInteger, nullable=False),
    _at("created_at"),
    _at("updated_at"),
)
