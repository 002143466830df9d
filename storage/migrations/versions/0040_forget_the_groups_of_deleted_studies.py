"""Forget the groups of deleted studies"""

import sqlalchemy as sa
from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None


def upgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    op.create_table(
        "former_study_group",
        sa.Column("study_instance_uid", sa.String(64), primary_key=True),
        sa.Column(
            "group_id",
            sa.Integer() if is_sqlite else sa.BigInteger(),
            sa.ForeignKey("access_group.group_id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("left_at", sa.DateTime(timezone=True), nullable=False),
    )
    for column in ("group_id", "left_at"):
        op.create_index(f"ix_former_study_group_{column}", "former_study_group", [column])
    # Of studies that were deleted, and of orders that were, before this version.
    op.execute(
        "DELETE FROM study_group WHERE NOT EXISTS"
        " (SELECT 1 FROM study s WHERE s.study_instance_uid = study_group.study_instance_uid)"
        " AND NOT EXISTS (SELECT 1 FROM worklist_item w"
        " WHERE w.study_instance_uid = study_group.study_instance_uid)"
        " AND NOT EXISTS (SELECT 1 FROM work_item u"
        " WHERE u.study_instance_uid = study_group.study_instance_uid)"
    )


def downgrade() -> None:
    op.drop_table("former_study_group")
