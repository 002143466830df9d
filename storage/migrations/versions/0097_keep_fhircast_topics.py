"""Keep FHIRcast topics, contexts, events and subscriptions"""

import sqlalchemy as sa
from alembic import op

from storage.tables.base import BigId, UtcDateTime

revision = "0097"
down_revision = "0096"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "fhircast_topic",
        sa.Column("topic", sa.String(36), nullable=False),
        sa.Column("owner_id", sa.Text(), nullable=False),
        sa.Column("owner_name", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("topic", name=op.f("pk_fhircast_topic")),
        sa.UniqueConstraint("owner_id", name=op.f("uq_fhircast_topic_owner_id")),
    )
    op.create_table(
        "fhircast_context",
        sa.Column("topic", sa.String(36), nullable=False),
        sa.Column("anchor", sa.String(32), nullable=False),
        sa.Column("number", BigId, nullable=False),
        sa.Column("version_id", sa.String(36), nullable=False),
        sa.Column("study_instance_uid", sa.String(64), server_default="", nullable=False),
        sa.Column("message", sa.Text(), server_default="", nullable=False),
        sa.Column("content", sa.Text(), server_default="", nullable=False),
        sa.Column("opened_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("topic", "anchor", name=op.f("pk_fhircast_context")),
    )
    op.create_index(
        op.f("ix_fhircast_context_study_instance_uid"), "fhircast_context", ["study_instance_uid"]
    )
    op.create_table(
        "fhircast_event",
        sa.Column("number", BigId, autoincrement=True, nullable=False),
        sa.Column("topic", sa.String(36), nullable=False),
        sa.Column("study_instance_uid", sa.String(64), server_default="", nullable=False),
        sa.Column("message", sa.Text(), server_default="", nullable=False),
        sa.Column("not_for", sa.String(64), server_default="", nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("number", name=op.f("pk_fhircast_event")),
    )
    op.create_index("ix_fhircast_event_topic_number", "fhircast_event", ["topic", "number"])
    op.create_index("ix_fhircast_event_at", "fhircast_event", ["at"])
    op.create_index(
        op.f("ix_fhircast_event_study_instance_uid"), "fhircast_event", ["study_instance_uid"]
    )
    op.create_table(
        "fhircast_subscription",
        sa.Column("endpoint_hash", sa.String(64), nullable=False),
        sa.Column("topic", sa.String(36), nullable=False),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("identity_id", sa.Text(), server_default="", nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("key_id", sa.Text(), server_default="", nullable=False),
        sa.Column("session_hash", sa.Text(), server_default="", nullable=False),
        sa.Column("connection_id", sa.Text(), server_default="", nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("expires_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("endpoint_hash", name=op.f("pk_fhircast_subscription")),
    )
    op.create_index(op.f("ix_fhircast_subscription_topic"), "fhircast_subscription", ["topic"])


def downgrade() -> None:
    op.drop_table("fhircast_subscription")
    op.drop_table("fhircast_event")
    op.drop_table("fhircast_context")
    op.drop_table("fhircast_topic")
