"""Keep the audit trail, and which request led to which work"""

import sqlalchemy as sa
from alembic import op

from storage.tables import UtcDateTime
from storage.tables.base import BigId

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "audit_event",
        sa.Column("audit_id", BigId, nullable=False),
        sa.Column("chain_index", sa.BigInteger(), nullable=True),
        sa.Column("chain_hash", sa.String(length=64), server_default="", nullable=False),
        sa.Column("chain_key", sa.String(length=16), server_default="", nullable=False),
        sa.Column("window_key", sa.String(length=64), nullable=True),
        sa.Column("window_ends_at", UtcDateTime(), nullable=True),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("code", sa.String(length=16), nullable=False),
        sa.Column("type_code", sa.String(length=16), server_default="", nullable=False),
        sa.Column("action", sa.String(length=1), nullable=False),
        sa.Column("outcome", sa.SmallInteger(), nullable=False),
        sa.Column("actor_kind", sa.String(length=16), nullable=False),
        sa.Column("actor_name", sa.Text(), server_default="", nullable=False),
        sa.Column("actor_address", sa.Text(), server_default="", nullable=False),
        sa.Column("process", sa.Text(), server_default="", nullable=False),
        sa.Column("request_id", sa.Text(), server_default="", nullable=False),
        sa.Column("study_instance_uids", sa.JSON(), nullable=False),
        sa.Column("patient_ids", sa.JSON(), nullable=False),
        sa.Column("occurrences", sa.Integer(), server_default="1", nullable=False),
        sa.Column("detail", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("audit_id", name=op.f("pk_audit_event")),
        sa.UniqueConstraint("chain_index", name=op.f("uq_audit_event_chain_index")),
        sa.UniqueConstraint("window_key", name=op.f("uq_audit_event_window_key")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_audit_event_at", "audit_event", ["at"])
    op.create_index("ix_audit_event_actor_name_at", "audit_event", ["actor_name", "at"])
    op.create_table(
        "audit_subject",
        sa.Column("audit_id", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("value", sa.String(length=128), nullable=False),
        sa.PrimaryKeyConstraint("audit_id", "kind", "value", name=op.f("pk_audit_subject")),
    )
    op.create_index(
        "ix_audit_subject_kind_value_audit_id", "audit_subject", ["kind", "value", "audit_id"]
    )
    op.create_table(
        "audit_chain",
        sa.Column("name", sa.String(length=16), nullable=False),
        sa.Column("position", sa.BigInteger(), nullable=False),
        sa.Column("hash", sa.String(length=64), nullable=False),
        sa.Column("mac", sa.String(length=64), nullable=False),
        sa.Column("updated_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_audit_chain")),
    )
    op.create_table(
        "series_request",
        sa.Column("series_instance_uid", sa.String(length=64), nullable=False),
        sa.Column("request_id", sa.String(length=64), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("series_instance_uid", name=op.f("pk_series_request")),
    )
    op.add_column("job", sa.Column("request_id", sa.Text(), server_default="", nullable=False))
    op.add_column("delivery", sa.Column("request_id", sa.Text(), server_default="", nullable=False))


def downgrade() -> None:
    op.drop_column("delivery", "request_id")
    op.drop_column("job", "request_id")
    op.drop_table("series_request")
    op.drop_table("audit_chain")
    op.drop_index("ix_audit_subject_kind_value_audit_id", table_name="audit_subject")
    op.drop_table("audit_subject")
    op.drop_index("ix_audit_event_actor_name_at", table_name="audit_event")
    op.drop_index("ix_audit_event_at", table_name="audit_event")
    op.drop_table("audit_event")
