"""Send received instances on"""

import sqlalchemy as sa
from alembic import op

revision = "0039"
down_revision = "0038"
branch_labels = None
depends_on = None

_DUE = sa.text("route_at IS NOT NULL")


def upgrade() -> None:
    op.add_column(
        "delivery", sa.Column("cause", sa.String(16), server_default="RESULT", nullable=False)
    )
    op.add_column("delivery", sa.Column("rule", sa.Text(), server_default="", nullable=False))
    op.add_column("study", sa.Column("route_at", sa.DateTime(timezone=True)))
    op.create_index(
        "ix_study_route_at", "study", ["route_at"], sqlite_where=_DUE, postgresql_where=_DUE
    )
    op.add_column(
        "series", sa.Column("routed_fingerprint", sa.Text(), server_default="", nullable=False)
    )
    # Rules that come later speak of what arrives later.
    op.execute("UPDATE series SET routed_fingerprint = fingerprint WHERE state = 'COMPLETE'")


def downgrade() -> None:
    op.drop_column("series", "routed_fingerprint")
    op.drop_index("ix_study_route_at", "study")
    op.drop_column("study", "route_at")
    op.drop_column("delivery", "rule")
    op.drop_column("delivery", "cause")
