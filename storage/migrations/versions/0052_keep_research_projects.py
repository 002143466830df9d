"""Keep research projects and their exports"""

import sqlalchemy as sa
from alembic import op

from storage.tables.base import UtcDateTime

revision = "0052"
down_revision = "0051"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "project",
        sa.Column("project_id", sa.String(36), primary_key=True),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("needs_consent", sa.Boolean(), nullable=False),
        sa.Column("split", sa.JSON(), nullable=False),
        sa.Column("key", sa.Text(), server_default="", nullable=False),
        sa.Column("created_by", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.UniqueConstraint("name", name="uq_project_name"),
    )
    op.create_table(
        "project_study",
        sa.Column(
            "project_id",
            sa.String(36),
            sa.ForeignKey("project.project_id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("study_instance_uid", sa.String(64), primary_key=True),
        sa.Column("patient_key", sa.Text(), server_default="", nullable=False),
        sa.Column("has_consent", sa.Boolean(), nullable=False),
        sa.Column("added_by", sa.Text(), server_default="", nullable=False),
        sa.Column("added_at", UtcDateTime(), nullable=False),
    )
    op.create_table(
        "project_export",
        sa.Column("export_id", sa.String(36), primary_key=True),
        sa.Column(
            "project_id",
            sa.String(36),
            sa.ForeignKey("project.project_id", ondelete="CASCADE"),
            nullable=False,
        ),
        sa.Column("folder", sa.Text(), server_default="", nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer(), server_default="0", nullable=False),
        sa.Column("lease_owner", sa.Text(), server_default="", nullable=False),
        sa.Column("next_attempt_at", UtcDateTime(), nullable=False),
        sa.Column("last_error", sa.Text(), server_default="", nullable=False),
        sa.Column("requested_by", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
    )
    op.create_index(
        "ix_project_export_state_next_attempt_at", "project_export", ["state", "next_attempt_at"]
    )
    op.create_index("ix_project_export_project_id", "project_export", ["project_id"])
    op.create_table(
        "project_export_instance",
        sa.Column(
            "export_id",
            sa.String(36),
            sa.ForeignKey("project_export.export_id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("sop_instance_uid", sa.String(64), primary_key=True),
        sa.Column("study_instance_uid", sa.String(64), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("sha256", sa.String(64), server_default="", nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), server_default="0", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
    )


def downgrade() -> None:
    for table in ("project_export_instance", "project_export", "project_study", "project"):
        op.drop_table(table)
