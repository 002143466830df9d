"""Keep the copy of a volume until there is another"""

import sqlalchemy as sa
from alembic import op

revision = "0096"
down_revision = "0095"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "instance", sa.Column("former_volume", sa.Text(), server_default="", nullable=False)
    )
    op.add_column(
        "volume",
        sa.Column("is_copy_kept", sa.Boolean(), server_default=sa.false(), nullable=False),
    )


def downgrade() -> None:
    op.drop_column("volume", "is_copy_kept")
    op.drop_column("instance", "former_volume")
