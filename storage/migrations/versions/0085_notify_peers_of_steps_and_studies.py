"""Notify peers of procedure steps and of which instances of a study are to be had"""

import sqlalchemy as sa
from alembic import op

from storage.tables.base import UtcDateTime

revision = "0085"
down_revision = "0084"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "peer", sa.Column("notifications", sa.JSON(), server_default="[]", nullable=False)
    )
    op.create_table(
        "peer_notification",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), autoincrement=True),
        sa.Column("peer_name", sa.String(80), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("subject_uid", sa.String(64), nullable=False),
        sa.Column("changes", sa.Integer(), nullable=False),
        sa.Column("known_digest", sa.String(64), nullable=False),
        sa.Column("gone", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(16), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("lease_owner", sa.Text(), server_default="", nullable=False),
        sa.Column("next_attempt_at", UtcDateTime(), nullable=False),
        sa.Column("last_error", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_peer_notification")),
        sa.UniqueConstraint(
            "peer_name",
            "kind",
            "subject_uid",
            name=op.f("uq_peer_notification_peer_name_kind_subject_uid"),
        ),
    )
    op.create_index(
        "ix_peer_notification_state_next_attempt_at",
        "peer_notification",
        ["state", "next_attempt_at"],
    )


def downgrade() -> None:
    op.drop_table("peer_notification")
    op.drop_column("peer", "notifications")
