"""Reports: as they stand, every version they had, and which studies wait for a draft."""

from sqlalchemy import JSON, Column, Index, Integer, String, Table, UniqueConstraint

from storage.tables.base import BigId, Uid, metadata, text_column, time_column

# One a study. An image that is not DICOM belongs to no study; its report has its job instead.
report = Table(
    "report",
    metadata,
    Column("report_id", String(36), primary_key=True),
    Column("study_instance_uid", Uid, nullable=False, index=True),
    Column("job_id", String(36), nullable=False, server_default=""),
    Column("state", String(16), nullable=False),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("language", String(16), nullable=False),
    text_column("title"),
    Column("sections", JSON, nullable=False),
    text_column("changed_by"),
    text_column("signed_by"),
    time_column("signed_at", nullable=True),
    # Digest of what the text rests on, so that the same results offer nothing new.
    text_column("basis_digest"),
    # What came after a person had a hand in the text, and what the draft would be now.
    text_column("attention"),
    time_column("attention_at", nullable=True),
    Column("proposal", JSON),
    text_column("proposal_digest"),
    time_column("created_at"),
    time_column("updated_at"),
    UniqueConstraint("study_instance_uid", "job_id"),
    Index("ix_report_state_updated_at", "state", "updated_at"),
)

report_version = Table(
    "report_version",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("report_id", String(36), nullable=False),
    Column("version", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("language", String(16), nullable=False),
    text_column("title"),
    Column("sections", JSON, nullable=False),
    text_column("changed_by"),
    time_column("changed_at"),
    text_column("reason"),
    UniqueConstraint("report_id", "version"),
)

report_due = Table(
    "report_due",
    metadata,
    Column("study_instance_uid", Uid, primary_key=True),
    time_column("changed_at"),
)
