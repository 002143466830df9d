"""Questions and their answers, and what can be found by its meaning."""

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    String,
    Table,
    UniqueConstraint,
)

from storage.tables.base import BigId, Uid, metadata, text_column, time_column

answer = Table(
    "answer",
    metadata,
    Column("job_id", ForeignKey("job.job_id"), primary_key=True),
    Column("kind", String(16), nullable=False),
    # Empty where the question is about no study of this node.
    Column("study_instance_uid", Uid, nullable=False, index=True),
    Column("request", JSON, nullable=False),
    # The identity of who asked (`storage.core.callers.identity`); empty where the node did.
    text_column("asked_by_id"),
    # Of a document that came with the question; empty where none did.
    text_column("object_key"),
    # What is known so far: sentences that passed, those withheld, how much was written.
    Column("progress", JSON, nullable=False),
    Column("result", JSON),
    Column("error", JSON),
    time_column("created_at"),
    Index("ix_answer_created_at", "created_at"),
)

passage = Table(
    "passage",
    metadata,
    Column("passage_id", BigId, primary_key=True),
    Column("kind", String(16), nullable=False),
    # Of the report or the finding.
    Column("subject_id", String(36), nullable=False),
    Column("number", Integer, nullable=False),
    Column("study_instance_uid", Uid, nullable=False, index=True),
    text_column("text"),
    # 384 numbers of 32 bits, little endian; empty until a worker has made them.
    Column("vector", LargeBinary),
    Column("waits", Boolean, nullable=False),
    UniqueConstraint("kind", "subject_id", "number"),
    Index("ix_passage_waits_passage_id", "waits", "passage_id"),
    sqlite_autoincrement=True,
)
