"""Record how the diameters of lesions were measured"""

import sqlalchemy as sa
from alembic import op

revision = "0065"
down_revision = "0064"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "lesion",
        sa.Column("axes_method", sa.String(16), server_default="edges", nullable=False),
    )
    op.execute("UPDATE lesion SET axes_method = 'drawn' WHERE pipeline = 'drawn-lesions'")


def downgrade() -> None:
    op.drop_column("lesion", "axes_method")
