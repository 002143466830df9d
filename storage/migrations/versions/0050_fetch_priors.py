"""Fetch earlier studies from other archives"""

import sqlalchemy as sa
from alembic import op

from storage.tables.base import UtcDateTime

revision = "0050"
down_revision = "0049"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "prior_search",
        sa.Column("search_id", sa.String(36), primary_key=True),
        sa.Column("cause", sa.String(16), nullable=False),
        sa.Column("subject", sa.String(64), nullable=False),
        sa.Column("rule", sa.String(80), nullable=False),
        sa.Column("source", sa.String(80), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lease_owner", sa.Text(), server_default="", nullable=False),
        sa.Column("next_attempt_at", UtcDateTime(), nullable=False),
        sa.Column("last_error", sa.Text(), server_default="", nullable=False),
        sa.Column("found", sa.Integer(), server_default="0", nullable=False),
        sa.Column("wanted", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.UniqueConstraint("cause", "subject", "rule", "source", name="uq_prior_search_subject"),
    )
    op.create_index(
        "ix_prior_search_state_next_attempt_at", "prior_search", ["state", "next_attempt_at"]
    )
    op.create_table(
        "prior_fetch",
        sa.Column("study_instance_uid", sa.String(64), primary_key=True),
        sa.Column("source", sa.String(80), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("cause", sa.String(16), nullable=False),
        sa.Column("rule", sa.Text(), server_default="", nullable=False),
        sa.Column("patient_id", sa.Text(), server_default="", nullable=False),
        sa.Column("issuer_of_patient_id", sa.Text(), server_default="", nullable=False),
        sa.Column("send_results", sa.Boolean(), nullable=False),
        sa.Column("route", sa.Boolean(), nullable=False),
        sa.Column("study_date", sa.Text(), server_default="", nullable=False),
        sa.Column("study_description", sa.Text(), server_default="", nullable=False),
        sa.Column("modalities", sa.Text(), server_default="", nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lease_owner", sa.Text(), server_default="", nullable=False),
        sa.Column("next_attempt_at", UtcDateTime(), nullable=False),
        sa.Column("last_error", sa.Text(), server_default="", nullable=False),
        sa.Column("service", sa.Text(), server_default="", nullable=False),
        sa.Column("instances", sa.Integer(), server_default="0", nullable=False),
        sa.Column("instances_total", sa.Integer(), server_default="0", nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
    )
    op.create_index(
        "ix_prior_fetch_state_next_attempt_at", "prior_fetch", ["state", "next_attempt_at"]
    )
    op.create_index("ix_prior_fetch_updated_at", "prior_fetch", ["updated_at"])
    op.create_table(
        "prior_pause",
        sa.Column("pause_id", sa.Integer(), autoincrement=False, primary_key=True),
        sa.Column("since", UtcDateTime(), nullable=False),
    )
    op.add_column("worklist_item", sa.Column("priors_asked_at", UtcDateTime(), nullable=True))
    op.add_column(
        "peer", sa.Column("is_archive", sa.Boolean(), server_default=sa.false(), nullable=False)
    )
    op.add_column(
        "peer", sa.Column("issuer_of_patient_id", sa.Text(), server_default="", nullable=False)
    )


def downgrade() -> None:
    op.drop_column("peer", "issuer_of_patient_id")
    op.drop_column("peer", "is_archive")
    op.drop_column("worklist_item", "priors_asked_at")
    op.drop_table("prior_pause")
    op.drop_table("prior_fetch")
    op.drop_table("prior_search")
