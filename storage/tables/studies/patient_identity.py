"""Whose the studies are: what was corrected, merged and moved, and how each study arrived."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Index,
    String,
    Table,
    Text,
    UniqueConstraint,
    false,
    text,
)

from storage.tables.base import BigId, Uid, metadata, text_column, time_column

# Changes are only ever added and undone: what a study shows is worked out from those in force.
patient_change = Table(
    "patient_change",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("change_id", String(36), nullable=False, unique=True),
    Column("kind", String(16), nullable=False),
    # Of an HL7 message: its event, who sent it, its control ID, its content, its part.
    text_column("trigger_event"),
    text_column("sender"),
    text_column("control_id"),
    text_column("message_digest"),
    Column("part", BigId, nullable=False),
    # Whose the studies are from then on.
    text_column("patient_id"),
    text_column("issuer_of_patient_id"),
    # Whose the patient IDs without an issuer were taken for.
    text_column("site_issuer"),
    # Of a merge: whose they were. Of a link: the other ID.
    text_column("prior_patient_id"),
    text_column("prior_issuer_of_patient_id"),
    # Of a move: the one study.
    Column("study_instance_uid", Uid, nullable=False, server_default=""),
    # Null: not stated.
    Column("patient_name", Text),
    Column("patient_birth_date", Text),
    Column("patient_sex", Text),
    # Which patients of the index it was applied to, as they had arrived.
    Column("applied_to", JSON, nullable=False),
    text_column("reason"),
    text_column("stated_by"),
    text_column("stated_by_id"),
    time_column("stated_at"),
    text_column("undone_by"),
    text_column("undone_by_id"),
    text_column("undo_reason"),
    time_column("undone_at", nullable=True),
    # The identity or address that sent it (`storage.core.callers.shares`); empty: nobody knows.
    text_column("sent_by"),
    Column("size_bytes", BigInteger, nullable=False, server_default="0"),
    # Actions of people have a control ID of their own: their change ID.
    UniqueConstraint("sender", "control_id", "message_digest", "part"),
    Index("ix_patient_change_patient_id", "patient_id"),
    Index("ix_patient_change_prior_patient_id", "prior_patient_id"),
    Index("ix_patient_change_study_instance_uid", "study_instance_uid"),
    Index(
        "ix_patient_change_sent_by",
        "sent_by",
        "size_bytes",
        sqlite_where=text("sent_by != ''"),
        postgresql_where=text("sent_by != ''"),
    ),
)

# Messages that were accepted, whatever came of them, and the changes of administrators.
patient_message = Table(
    "patient_message",
    metadata,
    Column("sender", Text, primary_key=True),
    Column("control_id", Text, primary_key=True),
    Column("message_digest", Text, primary_key=True),
    Column("patient_id", Text, primary_key=True),
    Column("issuer_of_patient_id", Text, primary_key=True),
    # When what it states happened, by its sender; at the latest when it came.
    time_column("event_at"),
    time_column("received_at"),
    # Which demographics it states that no change has: names in `Demographics`, separated by spaces.
    text_column("unrecorded"),
    text_column("sent_by"),
    Column("size_bytes", BigInteger, nullable=False, server_default="0"),
    Index(
        "ix_patient_message_sent_by",
        "sent_by",
        "size_bytes",
        sqlite_where=text("sent_by != ''"),
        postgresql_where=text("sent_by != ''"),
    ),
    Index("ix_patient_message_received_at", "received_at"),
    Index(
        "ix_patient_message_patient_id_issuer_of_patient_id_event_at",
        "patient_id",
        "issuer_of_patient_id",
        "event_at",
    ),
)

# The patient of each study as its first instance named it. Several studies share the row of their
# patient, which has the name of one of them. Of studies that came before this was noted for all,
# those alone are here that a change was applied to.
received_patient = Table(
    "received_patient",
    metadata,
    Column("study_instance_uid", Uid, primary_key=True),
    text_column("patient_id"),
    text_column("issuer_of_patient_id"),
    text_column("patient_name"),
    text_column("patient_birth_date"),
    text_column("patient_sex"),
    # A change was applied to it. What leaves of it says whose it is now, also after the change was
    # undone: results may have been made meanwhile.
    Column("was_changed", Boolean, nullable=False, server_default=false()),
    Index("ix_received_patient_patient_id", "patient_id"),
)
