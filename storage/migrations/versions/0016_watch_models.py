"""Watch models: runs in the shadow, and drift by scanner"""

import sqlalchemy as sa
from alembic import op

from storage.tables.base import UtcDateTime

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def _text(*names: tuple[str, int]) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.String(length=length), nullable=False) for name, length in names]


def upgrade() -> None:
    op.create_table(
        "shadow_run",
        *_text(
            ("shadow_id", 36),
            ("model", 160),
            ("model_version", 80),
            ("pipeline", 80),
            ("pipeline_version", 80),
            ("study_instance_uid", 64),
            ("series_instance_uid", 64),
            ("input_fingerprint", 64),
            ("state", 16),
        ),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("agreement", sa.JSON(), nullable=False),
        sa.Column("not_before", UtcDateTime(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("shadow_id", name=op.f("pk_shadow_run")),
        sa.UniqueConstraint(
            "pipeline",
            "pipeline_version",
            "input_fingerprint",
            name=op.f("uq_shadow_run_pipeline_pipeline_version_input_fingerprint"),
        ),
    )
    op.create_index("ix_shadow_run_state_not_before", "shadow_run", ["state", "not_before"])
    op.create_index("ix_shadow_run_model_model_version", "shadow_run", ["model", "model_version"])
    op.create_index(op.f("ix_shadow_run_study_instance_uid"), "shadow_run", ["study_instance_uid"])
    op.create_table(
        "drift_observation",
        *_text(("job_id", 36), ("pipeline", 80), ("pipeline_version", 80)),
        sa.Column("scanner", sa.Text(), server_default="", nullable=False),
        *_text(("study_instance_uid", 64)),
        sa.Column("measured", sa.JSON(), nullable=False),
        sa.Column("observed_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_drift_observation")),
    )
    op.create_index(
        "ix_drift_observation_pipeline_observed_at",
        "drift_observation",
        ["pipeline", "pipeline_version", "observed_at"],
    )
    op.create_index(
        op.f("ix_drift_observation_study_instance_uid"),
        "drift_observation",
        ["study_instance_uid"],
    )
    op.create_table(
        "drift_baseline",
        *_text(("pipeline", 80), ("pipeline_version", 80)),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("set_by", sa.Text(), server_default="", nullable=False),
        sa.PrimaryKeyConstraint("pipeline", "pipeline_version", name=op.f("pk_drift_baseline")),
    )
    op.create_table(
        "drift_alert",
        *_text(("pipeline", 80), ("pipeline_version", 80), ("scanner", 200), ("measure", 160)),
        sa.Column("stability_index", sa.Float(), nullable=False),
        sa.Column("distance", sa.Float(), nullable=False),
        sa.Column("raised_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint(
            "pipeline", "pipeline_version", "scanner", "measure", name=op.f("pk_drift_alert")
        ),
    )


def downgrade() -> None:
    for table in ("drift_alert", "drift_baseline", "drift_observation", "shadow_run"):
        op.drop_table(table)
