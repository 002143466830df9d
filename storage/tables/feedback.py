"""What people say of findings."""

from sqlalchemy import JSON, Column, Float, Index, String, Table

from storage.tables.base import BigId, Uid, metadata, text_column, time_column

# No foreign key to the finding: a job that runs again writes its findings anew, under
# the same identifiers, and what was said of them stays.
finding_feedback = Table(
    "finding_feedback",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("feedback_id", String(36), nullable=False, unique=True),
    Column("finding_id", String(36), nullable=False),
    Column("study_instance_uid", Uid, nullable=False, index=True),
    Column("verdict", String(16), nullable=False),
    Column("value", Float),
    Column("unit", JSON),
    text_column("label"),
    text_column("reason"),
    text_column("said_by"),
    time_column("said_at"),
    Index("ix_finding_feedback_finding_id_id", "finding_id", "id"),
)
