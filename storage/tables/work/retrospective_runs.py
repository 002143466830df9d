"""Pipelines that run over many stored studies, a few at a time."""

from sqlalchemy import JSON, Boolean, Column, ForeignKey, Index, Integer, String, Table

from storage.tables.base import Uid, metadata, text_column, time_column

retrospective_run = Table(
    "retrospective_run",
    metadata,
    Column("run_id", String(36), primary_key=True),
    Column("pipeline", String(80), nullable=False),
    # By which conditions the studies were chosen, as they were asked for.
    Column("query", JSON, nullable=False),
    Column("state", String(16), nullable=False),
    Column("at_once", Integer, nullable=False),
    Column("priority", Integer, nullable=False),
    Column("sends_results", Boolean, nullable=False),
    text_column("started_by"),
    time_column("created_at"),
    time_column("updated_at"),
    time_column("ended_at", nullable=True),
    Index("ix_retrospective_run_state", "state"),
    Index("ix_retrospective_run_created_at", "created_at"),
)

retrospective_study = Table(
    "retrospective_study",
    metadata,
    Column("run_id", ForeignKey("retrospective_run.run_id"), primary_key=True),
    Column("study_instance_uid", Uid, primary_key=True, index=True),
    Column("position", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    # Jobs that the run made; those that were there before are not among them.
    Column("job_ids", JSON, nullable=False),
    text_column("reason"),
    time_column("updated_at"),
    Index("ix_retrospective_study_run_id_state_position", "run_id", "state", "position"),
)
