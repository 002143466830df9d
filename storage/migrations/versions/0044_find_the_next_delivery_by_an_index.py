"""Find the next delivery by an index"""

from alembic import op

revision = "0044"
down_revision = "0043"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_delivery_next",
        "delivery",
        ["destination", "cause", "state", "next_attempt_at", "created_at"],
    )
    op.create_index(
        "ix_delivery_study_instance_uid_destination",
        "delivery",
        ["study_instance_uid", "destination"],
    )
    op.drop_index("ix_delivery_study_instance_uid", "delivery")


def downgrade() -> None:
    op.create_index("ix_delivery_study_instance_uid", "delivery", ["study_instance_uid"])
    op.drop_index("ix_delivery_study_instance_uid_destination", "delivery")
    op.drop_index("ix_delivery_next", "delivery")
