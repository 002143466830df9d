"""Link patients"""

import sqlalchemy as sa
from alembic import op

from storage.tables.base import BigId

revision = "0107"
down_revision = "0106"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("study", sa.Column("person_fk", BigId, server_default="0", nullable=False))
    op.execute("UPDATE study SET person_fk = patient_fk")
    op.create_index(op.f("ix_study_person_fk"), "study", ["person_fk"])


def downgrade() -> None:
    op.drop_index(op.f("ix_study_person_fk"), table_name="study")
    op.drop_column("study", "person_fk")
