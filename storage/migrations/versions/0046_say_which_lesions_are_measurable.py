"""Say which lesions are measurable"""

import sqlalchemy as sa
from alembic import op

revision = "0046"
down_revision = "0045"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("lesion", sa.Column("is_measurable", sa.Boolean(), nullable=True))


def downgrade() -> None:
    op.drop_column("lesion", "is_measurable")
