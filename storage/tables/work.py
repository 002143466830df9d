"""The ledger of work: jobs, what they found, deliveries, events, uploads."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
)

from storage.tables.base import BigId, Uid, metadata, text_column, time_column

job = Table(
    "job",
    metadata,
    Column("job_id", String(36), primary_key=True),
    Column("pipeline", String(80), nullable=False),
    Column("pipeline_version", String(80), nullable=False),
    Column("study_instance_uid", Uid, nullable=False, index=True),
    Column("series_instance_uid", Uid, nullable=False),
    Column("input_fingerprint", String(64), nullable=False),
    text_column("input_object_key"),
    Column("state", String(16), nullable=False),
    text_column("stage"),
    Column("progress", Float, nullable=False),
    text_column("reason"),
    Column("priority", Integer, nullable=False),
    Column("attempts", Integer, nullable=False),
    text_column("lease_owner"),
    time_column("lease_expires_at", nullable=True),
    time_column("created_at"),
    time_column("started_at", nullable=True),
    time_column("finished_at", nullable=True),
    time_column("updated_at"),
    Column("result", JSON, nullable=False),
    # Of the HTTP request or the association that led to it.
    text_column("request_id"),
    # Which worker takes it.
    Column("queue", String(16), nullable=False, server_default="jobs"),
    # How it ended, where nothing of it counts: failed, cancelled, superseded.
    Column("ending", String(16), nullable=False, server_default=""),
    # When a superseded job's results were withdrawn at their destinations.
    time_column("withdrawn_at", nullable=True),
    UniqueConstraint("pipeline", "pipeline_version", "input_fingerprint"),
    Index("ix_job_ending", "ending"),
    Index("ix_job_state_priority_created_at", "state", "priority", "created_at"),
    Index("ix_job_created_at", "created_at"),
)

# Of a job that takes several series: each of them, in its role. Others have none.
job_input = Table(
    "job_input",
    metadata,
    Column("job_id", ForeignKey("job.job_id"), primary_key=True),
    Column("role", String(32), primary_key=True),
    Column("series_instance_uid", Uid, nullable=False, index=True),
    Column("fingerprint", String(64), nullable=False),
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
    text_column("reason"),
    Column("job_id", String(36)),
    time_column("decided_at"),
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
    text_column("label"),
    Column("code", JSON, nullable=False),
    Column("value", Float),
    Column("unit", JSON),
    Column("confidence", Float),
    text_column("tracking_identifier"),
    Column("tracking_uid", Uid, nullable=False),
    Column("segmentation", JSON),
    # What the same structure measured at the patient's study before.
    Column("prior", JSON),
    # Whether the structure lies wholly within the images.
    Column("validity", JSON),
    # The single image that it is about, and where in it.
    Column("image", JSON),
    text_column("calibration"),
    # Where the value lies among those of a reference population, or why nothing is stated.
    Column("normal_range", JSON),
    time_column("created_at"),
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
    text_column("lease_owner"),
    time_column("next_attempt_at"),
    text_column("last_error"),
    time_column("sent_at", nullable=True),
    Column("questions", Integer, nullable=False, server_default="0"),
    text_column("request_id"),
    time_column("created_at"),
    time_column("updated_at"),
    UniqueConstraint("destination", "sop_instance_uid"),
    Index("ix_delivery_state_next_attempt_at", "state", "next_attempt_at"),
    Index("ix_delivery_destination_state", "destination", "state"),
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

upload = Table(
    "upload",
    metadata,
    Column("upload_id", String(36), primary_key=True),
    Column("object_key", Text, nullable=False, unique=True),
    text_column("filename"),
    text_column("content_type"),
    Column("size_bytes", BigInteger),
    Column("state", String(16), nullable=False),
    text_column("reason"),
    time_column("created_at"),
    time_column("expires_at"),
    text_column("multipart_id"),
    Column("part_size_bytes", BigInteger, nullable=False, server_default="0"),
    Column("files_done", Integer, nullable=False, server_default="0"),
    Column("files_total", Integer, nullable=False, server_default="0"),
    # The identity of who began it.
    text_column("created_by_id"),
    Index("ix_upload_state_expires_at", "state", "expires_at"),
)

component = Table(
    "component",
    metadata,
    Column("host", String(255), primary_key=True),
    Column("name", String(80), primary_key=True),
    Column("ok", Boolean, nullable=False),
    text_column("detail"),
    text_column("remedy"),
    time_column("at"),
)

heartbeat = Table(
    "heartbeat",
    metadata,
    Column("name", String(80), primary_key=True),
    time_column("at"),
)
