"""Remember what the node made, also once its rows are gone"""

import sqlalchemy as sa
from alembic import op

from storage.tables.base import BigId, UtcDateTime

revision = "0078"
down_revision = "0077"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "generated_instance",
        sa.Column("id", BigId, primary_key=True),
        sa.Column("sop_instance_uid", sa.String(64), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("content_digest", sa.String(64)),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.UniqueConstraint("sop_instance_uid", "digest"),
    )
    undigested = sa.text("content_digest IS NULL")
    op.create_index(
        "ix_generated_instance_undigested",
        "generated_instance",
        ["id"],
        sqlite_where=undigested,
        postgresql_where=undigested,
    )
    # Series are few beside instances. Rejection notes are left out: see `returns_as_own`.
    op.execute(
        "INSERT INTO generated_instance (sop_instance_uid, digest, source, made_at)"
        " SELECT instance.sop_instance_uid, instance.digest, instance.source, instance.received_at"
        " FROM series JOIN instance ON instance.series_fk = series.id"
        " WHERE series.origin = 'generated' AND (instance.source IN ('report', 'report:superseded')"
        " OR instance.source LIKE 'result:%' OR instance.source LIKE 'reader:%')"
    )


def downgrade() -> None:
    op.drop_index("ix_generated_instance_undigested", table_name="generated_instance")
    op.drop_table("generated_instance")
