"""Correct whose studies are"""

import sqlalchemy as sa
from alembic import op

from storage.tables.base import BigId, UtcDateTime

revision = "0053"
down_revision = "0052"
branch_labels = None
depends_on = None


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), server_default="", nullable=False)


def upgrade() -> None:
    op.add_column("study", _text("patient_digest"))
    op.create_table(
        "patient_change",
        sa.Column("id", BigId, primary_key=True),
        sa.Column("change_id", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        _text("trigger_event"),
        _text("sender"),
        _text("control_id"),
        _text("message_digest"),
        sa.Column("part", BigId, nullable=False),
        _text("patient_id"),
        _text("issuer_of_patient_id"),
        _text("site_issuer"),
        _text("prior_patient_id"),
        _text("prior_issuer_of_patient_id"),
        sa.Column("study_instance_uid", sa.String(64), server_default="", nullable=False),
        sa.Column("patient_name", sa.Text()),
        sa.Column("patient_birth_date", sa.Text()),
        sa.Column("patient_sex", sa.Text()),
        sa.Column("applied_to", sa.JSON(), nullable=False),
        _text("reason"),
        _text("stated_by"),
        _text("stated_by_id"),
        sa.Column("stated_at", UtcDateTime(), nullable=False),
        _text("undone_by"),
        _text("undone_by_id"),
        _text("undo_reason"),
        sa.Column("undone_at", UtcDateTime()),
        sa.UniqueConstraint("change_id", name="uq_patient_change_change_id"),
        sa.UniqueConstraint(
            "sender",
            "control_id",
            "message_digest",
            "part",
            name="uq_patient_change_sender_control_id_message_digest_part",
        ),
    )
    for column in ("patient_id", "prior_patient_id", "study_instance_uid"):
        op.create_index(f"ix_patient_change_{column}", "patient_change", [column])
    op.create_table(
        "received_patient",
        sa.Column("study_instance_uid", sa.String(64), primary_key=True),
        _text("patient_id"),
        _text("issuer_of_patient_id"),
        _text("patient_name"),
        _text("patient_birth_date"),
        _text("patient_sex"),
    )
    op.create_index("ix_received_patient_patient_id", "received_patient", ["patient_id"])


def downgrade() -> None:
    op.drop_table("received_patient")
    op.drop_table("patient_change")
    op.drop_column("study", "patient_digest")
