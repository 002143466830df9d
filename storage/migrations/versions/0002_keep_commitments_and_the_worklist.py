"""Keep commitments, procedure steps, expectations and the worklist"""

import sqlalchemy as sa
from alembic import op

from storage.tables import UtcDateTime

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "availability_notice",
        sa.Column("sop_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("calling_ae_title", sa.String(length=16), nullable=False),
        sa.Column("study_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("attributes", sa.JSON(), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("sop_instance_uid", name=op.f("pk_availability_notice")),
    )
    with op.batch_alter_table("availability_notice", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_availability_notice_study_instance_uid"),
            ["study_instance_uid"],
            unique=False,
        )

    op.create_table(
        "commitment_report",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("transaction_uid", sa.String(length=64), nullable=False),
        sa.Column("peer_ae_title", sa.String(length=16), nullable=False),
        sa.Column("references", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_owner", sa.Text(), server_default="", nullable=False),
        sa.Column("next_attempt_at", UtcDateTime(), nullable=False),
        sa.Column("last_error", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_commitment_report")),
        sa.UniqueConstraint(
            "peer_ae_title",
            "transaction_uid",
            name=op.f("uq_commitment_report_peer_ae_title_transaction_uid"),
        ),
    )
    with op.batch_alter_table("commitment_report", schema=None) as batch_op:
        batch_op.create_index(
            "ix_commitment_report_state_next_attempt_at", ["state", "next_attempt_at"], unique=False
        )

    op.create_table(
        "commitment_request",
        sa.Column("transaction_uid", sa.String(length=64), nullable=False),
        sa.Column("destination", sa.String(length=80), nullable=False),
        sa.Column("references", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("failed", sa.JSON(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("transaction_uid", name=op.f("pk_commitment_request")),
    )
    with op.batch_alter_table("commitment_request", schema=None) as batch_op:
        batch_op.create_index("ix_commitment_request_created_at", ["created_at"], unique=False)

    op.create_table(
        "expectation",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("series_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("announced_by", sa.String(length=80), nullable=False),
        sa.Column("is_final", sa.Boolean(), nullable=False),
        sa.Column("sop_instance_uids", sa.JSON(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_expectation")),
        sa.UniqueConstraint(
            "announced_by",
            "series_instance_uid",
            name=op.f("uq_expectation_announced_by_series_instance_uid"),
        ),
    )
    with op.batch_alter_table("expectation", schema=None) as batch_op:
        batch_op.create_index(
            batch_op.f("ix_expectation_series_instance_uid"), ["series_instance_uid"], unique=False
        )

    op.create_table(
        "procedure_step",
        sa.Column("sop_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("calling_ae_title", sa.String(length=16), nullable=False),
        sa.Column("attributes", sa.JSON(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("sop_instance_uid", name=op.f("pk_procedure_step")),
    )
    op.create_table(
        "worklist_item",
        sa.Column("worklist_item_id", sa.String(length=36), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("study_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("accession_number", sa.Text(), server_default="", nullable=False),
        sa.Column("start", sa.Text(), server_default="", nullable=False),
        sa.Column("attributes", sa.JSON(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("worklist_item_id", name=op.f("pk_worklist_item")),
    )
    with op.batch_alter_table("worklist_item", schema=None) as batch_op:
        batch_op.create_index("ix_worklist_item_state_start", ["state", "start"], unique=False)
        batch_op.create_index(
            batch_op.f("ix_worklist_item_study_instance_uid"), ["study_instance_uid"], unique=False
        )

    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.add_column(sa.Column("sent_at", UtcDateTime(), nullable=True))
        batch_op.add_column(
            sa.Column("questions", sa.Integer(), server_default="0", nullable=False)
        )


def downgrade() -> None:
    with op.batch_alter_table("delivery", schema=None) as batch_op:
        batch_op.drop_column("questions")
        batch_op.drop_column("sent_at")

    with op.batch_alter_table("worklist_item", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_worklist_item_study_instance_uid"))
        batch_op.drop_index("ix_worklist_item_state_start")

    op.drop_table("worklist_item")
    op.drop_table("procedure_step")
    with op.batch_alter_table("expectation", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_expectation_series_instance_uid"))

    op.drop_table("expectation")
    with op.batch_alter_table("commitment_request", schema=None) as batch_op:
        batch_op.drop_index("ix_commitment_request_created_at")

    op.drop_table("commitment_request")
    with op.batch_alter_table("commitment_report", schema=None) as batch_op:
        batch_op.drop_index("ix_commitment_report_state_next_attempt_at")

    op.drop_table("commitment_report")
    with op.batch_alter_table("availability_notice", schema=None) as batch_op:
        batch_op.drop_index(batch_op.f("ix_availability_notice_study_instance_uid"))

    op.drop_table("availability_notice")
