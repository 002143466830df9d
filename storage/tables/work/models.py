"""The registry of models: states of versions and their changes; and how models do over time."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Column,
    Float,
    Index,
    Integer,
    String,
    Table,
    UniqueConstraint,
)

from storage.tables.base import BigId, Uid, metadata, text_column, time_column

# A built-in model has no row until it is first proven here or somebody decides on it.
model_state = Table(
    "model_state",
    metadata,
    Column("name", String(160), primary_key=True),
    Column("version", String(80), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    text_column("detail"),
    Column("answer", JSON, nullable=False),
    Column("evaluation", JSON, nullable=False),
    time_column("verified_at", nullable=True),
    time_column("changed_at"),
    text_column("changed_by"),
)

model_change = Table(
    "model_change",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("name", String(160), nullable=False),
    Column("version", String(80), nullable=False),
    text_column("from_state"),
    Column("to_state", String(16), nullable=False),
    text_column("detail"),
    time_column("changed_at"),
    text_column("changed_by"),
    Index("ix_model_change_name_id", "name", "id"),
)

# The folder of a model that was added, as an archive in the object store.
model_package = Table(
    "model_package",
    metadata,
    Column("folder", String(200), primary_key=True),
    Column("files_sha256", String(64), nullable=False),
    Column("archive_sha256", String(64), nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    time_column("added_at"),
    text_column("added_by"),
)

shadow_run = Table(
    "shadow_run",
    metadata,
    Column("shadow_id", String(36), primary_key=True),
    Column("model", String(160), nullable=False),
    Column("model_version", String(80), nullable=False),
    Column("pipeline", String(80), nullable=False),
    Column("pipeline_version", String(80), nullable=False),
    Column("study_instance_uid", Uid, nullable=False, index=True),
    Column("series_instance_uid", Uid, nullable=False),
    Column("input_fingerprint", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    text_column("lease_owner"),
    text_column("reason"),
    Column("agreement", JSON, nullable=False),
    time_column("not_before"),
    time_column("created_at"),
    time_column("finished_at", nullable=True),
    UniqueConstraint("pipeline", "pipeline_version", "input_fingerprint"),
    Index("ix_shadow_run_state_not_before", "state", "not_before"),
    Index("ix_shadow_run_model_model_version", "model", "model_version"),
)

model_trial = Table(
    "model_trial",
    metadata,
    Column("trial_id", String(36), primary_key=True),
    Column("model", String(160), nullable=False),
    Column("model_version", String(80), nullable=False),
    Column("pipeline", String(80), nullable=False),
    # "": a self-test, which is on no study.
    Column("study_instance_uid", Uid, nullable=False, index=True),
    # waiting, running, done, failed.
    Column("state", String(16), nullable=False),
    Column("problem", JSON),
    # By series: what was found, with a picture. It shows the patient.
    Column("series", JSON, nullable=False),
    # What a self-test showed.
    Column("proof", JSON),
    text_column("asked_by"),
    Column("attempts", Integer, nullable=False),
    Column("took_ms", Integer, nullable=False),
    Column("memory_bytes", BigInteger, nullable=False),
    text_column("lease_owner"),
    time_column("asked_at"),
    time_column("not_before"),
    time_column("ended_at", nullable=True),
    Index("ix_model_trial_state_not_before", "state", "not_before"),
)

drift_observation = Table(
    "drift_observation",
    metadata,
    Column("job_id", String(36), primary_key=True),
    Column("pipeline", String(80), nullable=False),
    Column("pipeline_version", String(80), nullable=False),
    text_column("scanner"),
    Column("study_instance_uid", Uid, nullable=False, index=True),
    Column("measured", JSON, nullable=False),
    time_column("observed_at"),
    Index(
        "ix_drift_observation_pipeline_observed_at", "pipeline", "pipeline_version", "observed_at"
    ),
)

drift_baseline = Table(
    "drift_baseline",
    metadata,
    Column("pipeline", String(80), primary_key=True),
    Column("pipeline_version", String(80), primary_key=True),
    time_column("since"),
    text_column("set_by"),
)

drift_alert = Table(
    "drift_alert",
    metadata,
    Column("pipeline", String(80), primary_key=True),
    Column("pipeline_version", String(80), primary_key=True),
    Column("scanner", String(200), primary_key=True),
    Column("measure", String(160), primary_key=True),
    Column("stability_index", Float, nullable=False),
    Column("distance", Float, nullable=False),
    time_column("raised_at"),
)
