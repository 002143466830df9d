"""Keep questions with their answers, and what can be found by its meaning"""

import sqlalchemy as sa
from alembic import op

from storage.tables.base import BigId, UtcDateTime

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "job", sa.Column("queue", sa.String(length=16), server_default="jobs", nullable=False)
    )
    op.create_table(
        "answer",
        sa.Column("job_id", sa.String(length=36), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("study_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("request", sa.JSON(), nullable=False),
        sa.Column("object_key", sa.Text(), server_default="", nullable=False),
        sa.Column("progress", sa.JSON(), nullable=False),
        sa.Column("result", sa.JSON(), nullable=True),
        sa.Column("error", sa.JSON(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["job.job_id"], name=op.f("fk_answer_job_id")),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_answer")),
    )
    op.create_index("ix_answer_created_at", "answer", ["created_at"])
    op.create_index(op.f("ix_answer_study_instance_uid"), "answer", ["study_instance_uid"])
    op.create_table(
        "passage",
        sa.Column("passage_id", BigId, nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("subject_id", sa.String(length=36), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("study_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("text", sa.Text(), server_default="", nullable=False),
        sa.Column("vector", sa.LargeBinary(), nullable=True),
        sa.Column("waits", sa.Boolean(), nullable=False),
        sa.PrimaryKeyConstraint("passage_id", name=op.f("pk_passage")),
        sa.UniqueConstraint(
            "kind", "subject_id", "number", name=op.f("uq_passage_kind_subject_id_number")
        ),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_passage_waits_passage_id", "passage", ["waits", "passage_id"])
    op.create_index(op.f("ix_passage_study_instance_uid"), "passage", ["study_instance_uid"])


def downgrade() -> None:
    op.drop_table("passage")
    op.drop_table("answer")
    op.execute("DELETE FROM job WHERE queue <> 'jobs'")
    op.drop_column("job", "queue")
