"""Note what messages state that is not recorded"""

import sqlalchemy as sa
from alembic import op

revision = "0063"
down_revision = "0062"
branch_labels = None
depends_on = None

_SAME_MESSAGE = ("sender", "control_id", "message_digest")


def upgrade() -> None:
    op.add_column(
        "patient_message", sa.Column("unrecorded", sa.Text(), server_default="", nullable=False)
    )
    # Until now nobody noted it: of messages of which nothing is recorded it may be anything. What
    # administrators state is always recorded; it has no digest, and a control ID of its own.
    names = (*_SAME_MESSAGE, "unrecorded")
    message = sa.table("patient_message", *map(sa.column, names))
    change = sa.table("patient_change", *map(sa.column, _SAME_MESSAGE))
    is_recorded = sa.exists().where(*(change.c[one] == message.c[one] for one in _SAME_MESSAGE))
    op.execute(
        sa.update(message)
        .where(message.c.message_digest != "", ~is_recorded)
        .values(unrecorded="patient_birth_date patient_name patient_sex")
    )


def downgrade() -> None:
    op.drop_column("patient_message", "unrecorded")
