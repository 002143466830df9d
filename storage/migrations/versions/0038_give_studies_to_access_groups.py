"""Give studies to access groups"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

_BUILT_IN = (
    (1, "everyone", "Every person, key and peer belongs to it."),
    (2, "administrators", "Studies that administrators alone see."),
)


def upgrade() -> None:
    now = datetime.now(UTC)
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    big_id = sa.Integer() if is_sqlite else sa.BigInteger()
    time = sa.DateTime(timezone=True)
    group = op.create_table(
        "access_group",
        sa.Column("group_id", big_id, primary_key=True),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("description", sa.Text(), server_default="", nullable=False),
        sa.Column("rule", sa.JSON()),
        sa.Column("is_emergency", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("created_at", time, nullable=False),
        sa.Column("updated_at", time, nullable=False),
        sa.UniqueConstraint("name", name="uq_access_group_name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "access_group_member",
        sa.Column(
            "group_id",
            big_id,
            sa.ForeignKey("access_group.group_id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("kind", sa.String(16), primary_key=True),
        sa.Column("subject", sa.String(600), primary_key=True),
        sa.Column("expires_at", time),
    )
    op.create_index(
        "ix_access_group_member_kind_subject", "access_group_member", ["kind", "subject"]
    )
    op.create_table(
        "study_group",
        sa.Column("study_instance_uid", sa.String(64), primary_key=True),
        sa.Column(
            "group_id",
            big_id,
            sa.ForeignKey("access_group.group_id", ondelete="CASCADE"),
            primary_key=True,
        ),
        sa.Column("origin", sa.String(16), nullable=False),
        sa.Column("rules_version", sa.Integer(), server_default="0", nullable=False),
        sa.Column("decided_at", time, nullable=False),
    )
    op.create_index("ix_study_group_group_id", "study_group", ["group_id"])
    state = op.create_table(
        "access_state",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("is_enforced", sa.Boolean(), nullable=False),
        sa.Column("rules_version", sa.Integer(), nullable=False),
        sa.Column("unmatched", sa.String(16), nullable=False),
        sa.Column("updated_at", time, nullable=False),
    )
    op.create_table(
        "emergency_access",
        sa.Column("emergency_id", sa.String(36), primary_key=True),
        sa.Column("group_id", big_id, sa.ForeignKey("access_group.group_id", ondelete="SET NULL")),
        sa.Column("identity_id", sa.String(620), nullable=False),
        sa.Column("name", sa.Text(), server_default="", nullable=False),
        sa.Column("reason", sa.Text(), server_default="", nullable=False),
        sa.Column("study_instance_uids", sa.JSON(), nullable=False),
        sa.Column("started_at", time, nullable=False),
        sa.Column("expires_at", time, nullable=False),
        sa.Column("ended_at", time),
        sa.Column("reviewed_at", time),
        sa.Column("reviewed_by", sa.Text(), server_default="", nullable=False),
    )
    op.create_index(
        "ix_emergency_access_identity_id_expires_at",
        "emergency_access",
        ["identity_id", "expires_at"],
    )
    op.create_index("ix_emergency_access_started_at", "emergency_access", ["started_at"])
    op.add_column(
        "study",
        sa.Column("access_rules_version", sa.Integer(), server_default="0", nullable=False),
    )
    op.create_index("ix_study_access_rules_version", "study", ["access_rules_version"])
    op.add_column("session", sa.Column("groups", sa.JSON(), server_default="[]", nullable=False))
    op.add_column("webhook", sa.Column("created_by", sa.JSON()))
    op.add_column(
        "webhook", sa.Column("created_by_id", sa.Text(), server_default="", nullable=False)
    )
    op.bulk_insert(
        group,
        [
            {
                "group_id": number,
                "name": name,
                "description": description,
                "is_emergency": False,
                "created_at": now,
                "updated_at": now,
            }
            for number, name, description in _BUILT_IN
        ],
    )
    if not is_sqlite:
        op.execute("SELECT setval(pg_get_serial_sequence('access_group', 'group_id'), 2)")
    op.bulk_insert(
        state,
        [
            {
                "id": 1,
                "is_enforced": False,
                "rules_version": 1,
                "unmatched": "everyone",
                "updated_at": now,
            }
        ],
    )


def downgrade() -> None:
    op.drop_column("webhook", "created_by_id")
    op.drop_column("webhook", "created_by")
    op.drop_column("session", "groups")
    op.drop_index("ix_study_access_rules_version", "study")
    op.drop_column("study", "access_rules_version")
    for name in (
        "emergency_access",
        "access_state",
        "study_group",
        "access_group_member",
        "access_group",
    ):
        op.drop_table(name)
