"""Keep what the self-test of a model showed, which a worker runs"""

import sqlalchemy as sa
from alembic import op

revision = "0134"
down_revision = "0133"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("model_trial", sa.Column("proof", sa.JSON(), nullable=True))


def downgrade() -> None:
    op.execute("DELETE FROM model_trial WHERE study_instance_uid = ''")
    op.drop_column("model_trial", "proof")
