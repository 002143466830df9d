"""Keep added models in the object store, from which other hosts take them"""

import sqlalchemy as sa
from alembic import op

from storage.tables.base import UtcDateTime

revision = "0091"
down_revision = "0090"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "model_package",
        sa.Column("folder", sa.String(200), nullable=False),
        sa.Column("files_sha256", sa.String(64), nullable=False),
        sa.Column("archive_sha256", sa.String(64), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("added_at", UtcDateTime(), nullable=False),
        sa.Column("added_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("folder", name=op.f("pk_model_package")),
    )


def downgrade() -> None:
    op.drop_table("model_package")
