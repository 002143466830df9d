"""Who may see a study: groups, who belongs to them, and the studies of each."""

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    false,
)

from storage.tables.base import BigId, Uid, metadata, text_column, time_column

access_group = Table(
    "access_group",
    metadata,
    Column("group_id", BigId, primary_key=True),
    Column("name", String(80), nullable=False, unique=True),
    text_column("description"),
    # A condition over attributes in the language of the rules file; none: assigned studies alone.
    Column("rule", JSON),
    # Of one person's access in an emergency; it goes when that ends.
    Column("is_emergency", Boolean, nullable=False, server_default=false()),
    time_column("created_at"),
    time_column("updated_at"),
    sqlite_autoincrement=True,
)

# One who belongs to a group: an account, a key, a person or a group of an identity provider, a
# peer. The subject is that of `Identity.unique_subject`.
access_group_member = Table(
    "access_group_member",
    metadata,
    Column(
        "group_id",
        ForeignKey("access_group.group_id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("kind", String(16), primary_key=True),
    Column("subject", String(600), primary_key=True),
    time_column("expires_at", nullable=True),
    Index("ix_access_group_member_kind_subject", "kind", "subject"),
)

# Which groups see a study. By its UID, so that what refers to a study asks here alone, also
# where the study is only ordered yet.
study_group = Table(
    "study_group",
    metadata,
    Column("study_instance_uid", Uid, primary_key=True),
    Column(
        "group_id",
        ForeignKey("access_group.group_id", ondelete="CASCADE"),
        primary_key=True,
    ),
    # How it came: rule, unmatched, assigned (by a person; rules leave it alone), emergency, or
    # ordered (`storage.db.study_memberships`).
    Column("origin", String(16), nullable=False),
    # Of the rules that decided it.
    Column("rules_version", Integer, nullable=False, server_default="0"),
    time_column("decided_at"),
    Index("ix_study_group_group_id", "group_id"),
)

# Which groups saw a study that was deleted, or left them: events up to then remain theirs.
former_study_group = Table(
    "former_study_group",
    metadata,
    Column("study_instance_uid", Uid, primary_key=True),
    Column(
        "group_id",
        ForeignKey("access_group.group_id", ondelete="CASCADE"),
        primary_key=True,
    ),
    time_column("left_at"),
    Index("ix_former_study_group_group_id", "group_id"),
    Index("ix_former_study_group_left_at", "left_at"),
)

# Who sent the first instance of a study over HTTP while groups were enforced: it may go on,
# whatever group the study is given to.
study_sender = Table(
    "study_sender",
    metadata,
    Column("study_instance_uid", Uid, primary_key=True),
    Column("identity_id", String(620), nullable=False),
)

# One row: whether groups are enforced, the version of the rules, and which of the two groups that
# are always there gets what no rule matches.
access_state = Table(
    "access_state",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("is_enforced", Boolean, nullable=False),
    Column("rules_version", Integer, nullable=False),
    Column("unmatched", String(16), nullable=False),
    time_column("updated_at"),
)

# Access that somebody took in an emergency, for a while.
emergency_access = Table(
    "emergency_access",
    metadata,
    Column("emergency_id", String(36), primary_key=True),
    Column("group_id", ForeignKey("access_group.group_id", ondelete="SET NULL")),
    Column("identity_id", String(620), nullable=False),
    text_column("name"),
    text_column("reason"),
    Column("study_instance_uids", JSON, nullable=False),
    time_column("started_at"),
    time_column("expires_at"),
    time_column("ended_at", nullable=True),
    time_column("reviewed_at", nullable=True),
    text_column("reviewed_by"),
    Index("ix_emergency_access_identity_id_expires_at", "identity_id", "expires_at"),
    Index("ix_emergency_access_started_at", "started_at"),
)
