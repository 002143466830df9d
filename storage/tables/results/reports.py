"""Reports: as they stand, every version they had, and which studies wait for a draft."""

from sqlalchemy import JSON, Column, Index, Integer, String, Table, UniqueConstraint, text

from storage.tables.base import BigId, Uid, metadata, text_column, time_column

_TO_PUBLISH = (
    "publish_version > published_version OR (superseded_at IS NOT NULL"
    " AND (withdrawal_notified_at IS NULL OR withdrawal_notified_at != superseded_at))"
)

# One a study. An image that is not DICOM belongs to no study; its report has its job instead.
report = Table(
    "report",
    metadata,
    Column("report_id", String(36), primary_key=True),
    Column("study_instance_uid", Uid, nullable=False, index=True),
    Column("job_id", String(36), nullable=False, server_default=""),
    Column("state", String(16), nullable=False),
    Column("version", Integer, nullable=False, server_default="1"),
    Column("language", String(16), nullable=False),
    text_column("title"),
    Column("sections", JSON, nullable=False),
    text_column("changed_by"),
    # The identity behind the name (`storage.core.callers.identity`); empty of what older
    # versions wrote.
    text_column("changed_by_id"),
    text_column("signed_by"),
    text_column("signed_by_id"),
    # The person's name at that moment; the account's may change.
    text_column("signed_name"),
    time_column("signed_at", nullable=True),
    # Digest of what the text rests on, so that the same results offer nothing new.
    text_column("basis_digest"),
    # What came after a person had a hand in the text, and what the draft would be now.
    text_column("attention"),
    time_column("attention_at", nullable=True),
    Column("proposal", JSON),
    text_column("proposal_digest"),
    # When results that a person's text rests on were withdrawn, until one that does not is signed.
    time_column("superseded_at", nullable=True),
    # The `superseded_at` of which the receivers of this version have been notified.
    time_column("withdrawal_notified_at", nullable=True),
    # What a model made of this draft; none where no model was asked.
    Column("words", JSON),
    # The version that is to leave the node, and the last one that did.
    Column("publish_version", Integer, nullable=False, server_default="0"),
    Column("published_version", Integer, nullable=False, server_default="0"),
    time_column("created_at"),
    time_column("updated_at"),
    UniqueConstraint("study_instance_uid", "job_id"),
    Index("ix_report_state_updated_at", "state", "updated_at"),
    # The condition of `storage.reports.publishing`, word for word: no other uses the index.
    Index(
        "ix_report_to_publish",
        "updated_at",
        sqlite_where=text(_TO_PUBLISH),
        postgresql_where=text(_TO_PUBLISH),
    ),
    Index(
        "ix_report_superseded_at",
        "superseded_at",
        sqlite_where=text("superseded_at IS NOT NULL"),
        postgresql_where=text("superseded_at IS NOT NULL"),
    ),
)

report_version = Table(
    "report_version",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("report_id", String(36), nullable=False),
    Column("version", Integer, nullable=False),
    Column("state", String(16), nullable=False),
    Column("language", String(16), nullable=False),
    text_column("title"),
    Column("sections", JSON, nullable=False),
    text_column("changed_by"),
    text_column("changed_by_id"),
    time_column("changed_at"),
    text_column("reason"),
    text_column("signed_name"),
    Column("words", JSON),
    UniqueConstraint("report_id", "version"),
)

report_due = Table(
    "report_due",
    metadata,
    Column("study_instance_uid", Uid, primary_key=True),
    time_column("changed_at"),
)

hl7_message = Table(
    "hl7_message",
    metadata,
    Column("message_id", String(36), primary_key=True),
    Column("destination", String(80), nullable=False),
    Column("report_id", String(36), nullable=False),
    Column("report_version", Integer, nullable=False),
    Column("study_instance_uid", Uid, nullable=False, index=True),
    Column("control_id", String(20), nullable=False),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    text_column("lease_owner"),
    time_column("next_attempt_at"),
    text_column("last_error"),
    time_column("created_at"),
    time_column("updated_at"),
    # Of a message that withdraws: when the results under the version were; none of the others.
    time_column("superseded_at", nullable=True),
    Index("ix_hl7_message_created_at", "created_at"),
    Index("ix_hl7_message_updated_at", "updated_at"),
    Index(
        "uq_hl7_message_version",
        *("destination", "report_id", "report_version"),
        unique=True,
        sqlite_where=text("superseded_at IS NULL"),
        postgresql_where=text("superseded_at IS NULL"),
    ),
    Index(
        "uq_hl7_message_superseded",
        *("destination", "report_id", "report_version", "superseded_at"),
        unique=True,
        sqlite_where=text("superseded_at IS NOT NULL"),
        postgresql_where=text("superseded_at IS NOT NULL"),
    ),
    Index("ix_hl7_message_state_next_attempt_at", "state", "next_attempt_at"),
)

alert = Table(
    "alert",
    metadata,
    Column("alert_id", String(36), primary_key=True),
    Column("study_instance_uid", Uid, nullable=False, index=True),
    Column("finding_id", String(36), nullable=False),
    Column("rule", String(80), nullable=False),
    text_column("text"),
    Column("state", String(16), nullable=False),
    Column("repeats", Integer, nullable=False, server_default="0"),
    time_column("next_repeat_at"),
    text_column("acknowledged_by"),
    text_column("acknowledged_by_id"),
    time_column("acknowledged_at", nullable=True),
    text_column("note"),
    time_column("created_at"),
    UniqueConstraint("rule", "finding_id"),
    Index("ix_alert_state_next_repeat_at", "state", "next_repeat_at"),
)

# What a site keeps ready for reports; about nobody.
report_template = Table(
    "report_template",
    metadata,
    Column("template_id", String(36), primary_key=True),
    Column("version", Integer, nullable=False),
    text_column("title"),
    Column("language", String(16), nullable=False),
    Column("modalities", JSON, nullable=False),
    Column("body_parts", JSON, nullable=False),
    Column("sections", JSON, nullable=False),
    text_column("source"),
    text_column("changed_by"),
    time_column("changed_at"),
)
