"""Send reports out, by HL7 v2 too, and raise alerts of critical findings"""

import sqlalchemy as sa
from alembic import op

from storage.tables.base import UtcDateTime

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for column in ("publish_version", "published_version"):
        op.add_column("report", sa.Column(column, sa.Integer(), server_default="0", nullable=False))
    op.create_table(
        "hl7_message",
        sa.Column("message_id", sa.String(length=36), nullable=False),
        sa.Column("destination", sa.String(length=80), nullable=False),
        sa.Column("report_id", sa.String(length=36), nullable=False),
        sa.Column("report_version", sa.Integer(), nullable=False),
        sa.Column("study_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("control_id", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lease_owner", sa.Text(), server_default="", nullable=False),
        sa.Column("next_attempt_at", UtcDateTime(), nullable=False),
        sa.Column("last_error", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_hl7_message")),
        sa.UniqueConstraint(
            "destination",
            "report_id",
            "report_version",
            name=op.f("uq_hl7_message_destination_report_id_report_version"),
        ),
    )
    op.create_index(
        "ix_hl7_message_state_next_attempt_at",
        "hl7_message",
        ["state", "next_attempt_at"],
        unique=False,
    )
    op.create_index(
        op.f("ix_hl7_message_study_instance_uid"),
        "hl7_message",
        ["study_instance_uid"],
        unique=False,
    )
    op.create_table(
        "alert",
        sa.Column("alert_id", sa.String(length=36), nullable=False),
        sa.Column("study_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("finding_id", sa.String(length=36), nullable=False),
        sa.Column("rule", sa.String(length=80), nullable=False),
        sa.Column("text", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("repeats", sa.Integer(), server_default="0", nullable=False),
        sa.Column("next_repeat_at", UtcDateTime(), nullable=False),
        sa.Column("acknowledged_by", sa.Text(), server_default="", nullable=False),
        sa.Column("acknowledged_at", UtcDateTime(), nullable=True),
        sa.Column("note", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("alert_id", name=op.f("pk_alert")),
        sa.UniqueConstraint("rule", "finding_id", name=op.f("uq_alert_rule_finding_id")),
    )
    op.create_index(
        "ix_alert_state_next_repeat_at", "alert", ["state", "next_repeat_at"], unique=False
    )
    op.create_index(
        op.f("ix_alert_study_instance_uid"), "alert", ["study_instance_uid"], unique=False
    )
    op.create_index(
        op.f("ix_worklist_item_accession_number"),
        "worklist_item",
        ["accession_number"],
        unique=False,
    )


def downgrade() -> None:
    op.drop_index(op.f("ix_worklist_item_accession_number"), table_name="worklist_item")
    op.drop_table("alert")
    op.drop_table("hl7_message")
    for column in ("published_version", "publish_version"):
        op.drop_column("report", column)
