"""Findings, and feedback: what people say of them."""

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
    false,
    true,
)

from storage.tables.base import BigId, Uid, metadata, text_column, time_column

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
    # Between which values the model holds the true one to lie.
    Column("value_interval", JSON),
    # What the value was read from.
    Column("curve", JSON),
    # Which parts of the image counted.
    Column("heat_map", JSON),
    time_column("created_at"),
)

# No foreign key to the finding: a job that runs again writes its findings again, under
# the same identifiers, and the feedback on them stays.
finding_feedback = Table(
    "finding_feedback",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("feedback_id", String(36), nullable=False, unique=True),
    Column("finding_id", String(36), nullable=False),
    Column("study_instance_uid", Uid, nullable=False, index=True),
    Column("kind", String(16), nullable=False),
    Column("value", Float),
    Column("unit", JSON),
    text_column("label"),
    text_column("reason"),
    text_column("given_by"),
    # The identity behind the name (`storage.core.callers.identity`); empty of what older
    # versions wrote.
    text_column("given_by_id"),
    time_column("given_at"),
    # Of somebody whose word verifies a report.
    Column("verifies", Boolean, nullable=False, server_default=false()),
    # Whether it is in the report of its job; older feedback, which no report took in, counts so.
    Column("is_reported", Boolean, nullable=False, server_default=true()),
    Index("ix_finding_feedback_finding_id_id", "finding_id", "id"),
    Index("ix_finding_feedback_is_reported", "is_reported"),
)

# A report of a job with the feedback on its findings, up to a point.
feedback_report = Table(
    "feedback_report",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("job_id", String(36), nullable=False, index=True),
    # The number of the newest feedback in it; 0 where there was none.
    Column("feedback_id", BigInteger, nullable=False),
    # How many versions with the same feedback came before: comparisons changed alone.
    Column("revision", Integer, nullable=False, server_default="0"),
    Column("series_instance_uid", Uid, nullable=False),
    Column("sop_instance_uid", Uid, nullable=False, unique=True),
    time_column("created_at"),
)
