"""Jobs, their inputs, and why a pipeline runs on a series or does not."""

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
    false,
    text,
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
    # SHA-256 of that object as it arrived; empty in jobs of earlier versions.
    Column("input_digest", String(64), nullable=False, server_default=""),
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
    # Of a completed run whose results stand until a further one, which was forced, completes.
    time_column("earlier_started_at", nullable=True),
    time_column("earlier_finished_at", nullable=True),
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
    # Another than the job's own of a prior.
    Column("study_instance_uid", Uid, nullable=False, server_default=""),
    # As that says, for the index: few jobs take a prior.
    Column("is_prior", Boolean, nullable=False, server_default=false()),
    # Of the result of another pipeline: the job that made it; the series is its Segmentation's.
    Column("upstream_job_id", String(36), nullable=False, server_default="", index=True),
    Index(
        "ix_job_input_prior",
        "job_id",
        sqlite_where=text("is_prior = 1"),
        postgresql_where=text("is_prior"),
    ),
)

# Studies in which a result came, changed or went, for pipelines that take results of others.
result_due = Table(
    "result_due",
    metadata,
    Column("study_instance_uid", Uid, primary_key=True),
    time_column("changed_at"),
    time_column("not_before"),
    # How often it could not be decided on since.
    Column("attempts", Integer, nullable=False, server_default="0"),
    Index("ix_result_due_not_before", "not_before"),
)

# What a process began with a series and did not end, perhaps since it did not survive it.
series_try = Table(
    "series_try",
    metadata,
    Column("study_instance_uid", Uid, primary_key=True),
    Column("series_instance_uid", Uid, primary_key=True),
    Column("tries", Integer, nullable=False),
    time_column("set_aside_at", nullable=True),
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
