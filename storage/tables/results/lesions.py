"""Lesions one by one, and which of them are the same over a patient's studies."""

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Integer,
    LargeBinary,
    String,
    Table,
)

from storage.tables.base import Uid, metadata, text_column, time_column

lesion = Table(
    "lesion",
    metadata,
    Column("lesion_id", String(36), primary_key=True),
    Column("job_id", ForeignKey("job.job_id"), nullable=False, index=True),
    Column("study_instance_uid", Uid, nullable=False, index=True),
    Column("series_instance_uid", Uid, nullable=False),
    Column("pipeline", String(80), nullable=False),
    Column("segment_number", Integer, nullable=False),
    text_column("label"),
    Column("type", JSON, nullable=False),
    Column("tracking_uid", Uid, nullable=False),
    Column("long_axis_mm", Float, nullable=False),
    Column("short_axis_mm", Float, nullable=False),
    Column("volume_mm3", Float),
    Column("is_truncated", Boolean, nullable=False),
    # By the model's card, or as a composite; empty where the type decides.
    Column("is_measurable", Boolean),
    # float32, little endian: x, y and z in mm, LPS, of points spread over the lesion.
    Column("points", LargeBinary, nullable=False),
    time_column("created_at"),
    # By default, that of the time when none was recorded.
    Column("axes_method", String(16), server_default="edges", nullable=False),
    # How far the sizes can be trusted, as their report states it; empty: nothing speaks against.
    text_column("caveat"),
)

lesion_match = Table(
    "lesion_match",
    metadata,
    Column("match_id", String(36), primary_key=True),
    # The later study, and the job that compared it; empty of what a person states.
    Column("study_instance_uid", Uid, nullable=False, index=True),
    Column("job_id", String(36), nullable=False, index=True),
    # Whose lesions the later ones are; another where an earlier study came late.
    Column("later_job_id", String(36), server_default="", nullable=False, index=True),
    Column("relation", String(16), nullable=False),
    Column("earlier_lesion_id", String(36), nullable=False, index=True),
    Column("later_lesion_id", String(36), nullable=False, index=True),
    Column("is_main", Boolean, nullable=False),
    Column("confidence", Float, nullable=False),
    text_column("method"),
    text_column("reason"),
    text_column("decided_by"),
    text_column("decided_by_id"),
    time_column("decided_at"),
)
