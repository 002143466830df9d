"""Let studies leave by rule"""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

_UID = sa.String(64)
_TIME = sa.DateTime(timezone=True)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text(), server_default="", nullable=False)


def upgrade() -> None:
    op.create_table(
        "legal_hold",
        sa.Column("study_instance_uid", _UID, primary_key=True),
        _text("reason"),
        _text("placed_by"),
        _text("placed_by_id"),
        sa.Column("placed_at", _TIME, nullable=False),
    )
    op.create_table(
        "study_use",
        sa.Column("study_instance_uid", _UID, primary_key=True),
        sa.Column("used_at", _TIME, nullable=False),
    )
    op.create_table(
        "study_retention",
        sa.Column("study_instance_uid", _UID, primary_key=True),
        sa.Column("rules_digest", sa.String(64), nullable=False),
        sa.Column("study_updated_at", _TIME, nullable=False),
        _text("rule"),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("may_evict", sa.Boolean(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("leaves_at", _TIME),
        sa.Column("last_needed_at", _TIME, nullable=False),
        sa.Column("look_again_at", _TIME, nullable=False),
    )
    op.create_index("ix_study_retention_leaves_at", "study_retention", ["leaves_at"])
    op.create_index(
        "ix_study_retention_position_last_needed_at",
        "study_retention",
        ["position", "last_needed_at"],
    )
    op.create_table(
        "study_confirmation",
        sa.Column("study_instance_uid", _UID, primary_key=True),
        sa.Column("peer", sa.String(80), primary_key=True),
        sa.Column("study_updated_at", _TIME, nullable=False),
        sa.Column("is_complete", sa.Boolean(), nullable=False),
        _text("detail"),
        sa.Column("asked_at", _TIME, nullable=False),
        sa.Column("ask_again_at", _TIME, nullable=False),
    )
    op.create_table(
        "disk_sample",
        sa.Column("host", sa.String(255), primary_key=True),
        sa.Column("at", _TIME, primary_key=True),
        sa.Column("free_bytes", sa.BigInteger(), nullable=False),
    )
    op.create_table(
        "retention_state",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("audit_id", sa.BigInteger(), nullable=False),
        sa.Column("next_audit_id", sa.BigInteger(), nullable=False),
        sa.Column("read_at", _TIME, nullable=False),
        sa.Column("round", sa.JSON(), nullable=False),
    )


def downgrade() -> None:
    for name in (
        "retention_state",
        "disk_sample",
        "study_confirmation",
        "study_retention",
        "study_use",
        "legal_hold",
    ):
        op.drop_table(name)
