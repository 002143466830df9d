"""Note how studies arrived"""

import sqlalchemy as sa
from alembic import op

revision = "0055"
down_revision = "0054"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column(
        "received_patient",
        sa.Column("was_changed", sa.Boolean(), server_default=sa.false(), nullable=False),
    )
    # Until now changed studies alone were noted.
    received = sa.table("received_patient", sa.column("was_changed", sa.Boolean()))
    op.execute(sa.update(received).values(was_changed=True))


def downgrade() -> None:
    op.execute("DELETE FROM received_patient WHERE NOT was_changed")
    op.drop_column("received_patient", "was_changed")
