"""Call feedback so: who gave it and when, and the reports that it went into"""

from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

_COLUMNS = {"said_by": "given_by", "said_by_id": "given_by_id", "said_at": "given_at"}


def upgrade() -> None:
    # Both databases rename in place; alembic would copy the table for SQLite.
    for old, new in _COLUMNS.items():
        op.execute(f"ALTER TABLE finding_feedback RENAME COLUMN {old} TO {new}")
    op.drop_index("ix_spoken_report_job_id", "spoken_report")
    op.rename_table("spoken_report", "feedback_report")
    _name_constraint("feedback_report", "spoken_report")
    op.create_index("ix_feedback_report_job_id", "feedback_report", ["job_id"])


def downgrade() -> None:
    op.drop_index("ix_feedback_report_job_id", "feedback_report")
    op.rename_table("feedback_report", "spoken_report")
    _name_constraint("spoken_report", "feedback_report")
    op.create_index("ix_spoken_report_job_id", "spoken_report", ["job_id"])
    for old, new in _COLUMNS.items():
        op.execute(f"ALTER TABLE finding_feedback RENAME COLUMN {new} TO {old}")


def _name_constraint(table: str, former: str) -> None:
    with op.batch_alter_table(table) as batch_op:
        batch_op.drop_constraint(f"uq_{former}_sop_instance_uid", type_="unique")
        batch_op.create_unique_constraint(f"uq_{table}_sop_instance_uid", ["sop_instance_uid"])
