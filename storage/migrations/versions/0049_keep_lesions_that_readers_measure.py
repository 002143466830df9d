"""Keep lesions that readers measure"""

import sqlalchemy as sa
from alembic import op

revision = "0049"
down_revision = "0048"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("lesion") as table:
        table.alter_column("volume_mm3", existing_type=sa.Float(), nullable=True)


def downgrade() -> None:
    op.execute("DELETE FROM lesion WHERE volume_mm3 IS NULL")
    with op.batch_alter_table("lesion") as table:
        table.alter_column("volume_mm3", existing_type=sa.Float(), nullable=False)
