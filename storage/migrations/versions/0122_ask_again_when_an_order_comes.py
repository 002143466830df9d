"""Ask the rules again when an order comes, and run pipelines over stored studies"""

import sqlalchemy as sa
from alembic import op

from storage.tables.base import UtcDateTime

revision = "0122"
down_revision = "0119"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "order_due",
        sa.Column("study_instance_uid", sa.String(64), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("not_before", UtcDateTime(), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.PrimaryKeyConstraint("study_instance_uid", name=op.f("pk_order_due")),
    )
    op.create_index("ix_order_due_not_before", "order_due", ["not_before"])
    op.create_table(
        "retrospective_run",
        sa.Column("run_id", sa.String(36), nullable=False),
        sa.Column("pipeline", sa.String(80), nullable=False),
        sa.Column("query", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("at_once", sa.Integer(), nullable=False),
        sa.Column("priority", sa.Integer(), nullable=False),
        sa.Column("sends_results", sa.Boolean(), nullable=False),
        sa.Column("started_by", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime()),
        sa.PrimaryKeyConstraint("run_id", name=op.f("pk_retrospective_run")),
    )
    op.create_index("ix_retrospective_run_state", "retrospective_run", ["state"])
    op.create_index("ix_retrospective_run_created_at", "retrospective_run", ["created_at"])
    op.create_table(
        "retrospective_study",
        sa.Column("run_id", sa.String(36), nullable=False),
        sa.Column("study_instance_uid", sa.String(64), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("job_ids", sa.JSON(), nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["run_id"],
            ["retrospective_run.run_id"],
            name=op.f("fk_retrospective_study_run_id_retrospective_run"),
        ),
        sa.PrimaryKeyConstraint(
            "run_id", "study_instance_uid", name=op.f("pk_retrospective_study")
        ),
    )
    op.create_index(
        op.f("ix_retrospective_study_study_instance_uid"),
        "retrospective_study",
        ["study_instance_uid"],
    )
    op.create_index(
        "ix_retrospective_study_run_id_state_position",
        "retrospective_study",
        ["run_id", "state", "position"],
    )


def downgrade() -> None:
    op.drop_table("retrospective_study")
    op.drop_table("retrospective_run")
    op.drop_table("order_due")
