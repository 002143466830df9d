"""Copy deletions to the bucket"""

import sqlalchemy as sa
from alembic import op

revision = "0094"
down_revision = "0093"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "uncopied_deletion",
        sa.Column("generation", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("generation", name=op.f("pk_uncopied_deletion")),
    )
    op.create_index("ix_tombstone_generation", "tombstone", ["generation"])
    op.create_index("ix_discarded_content_generation", "discarded_content", ["generation"])
    op.execute(
        "INSERT INTO uncopied_deletion (generation)"
        " SELECT generation FROM tombstone WHERE generation > 0"
        " UNION SELECT generation FROM discarded_content WHERE generation > 0"
    )


def downgrade() -> None:
    op.drop_index("ix_discarded_content_generation", "discarded_content")
    op.drop_index("ix_tombstone_generation", "tombstone")
    op.drop_table("uncopied_deletion")
