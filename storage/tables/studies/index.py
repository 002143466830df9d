"""What the node stores, from patients to instances, and what is expected of series."""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    and_,
    false,
    literal_column,
    text,
)

from storage.tables.base import (
    BigId,
    Uid,
    metadata,
    ordered_text_column,
    text_column,
    time_column,
)

patient = Table(
    "patient",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("patient_key", Text, nullable=False, unique=True),
    ordered_text_column("patient_id"),
    text_column("issuer_of_patient_id"),
    # As the first of their studies has them: by these it is decided whether another one is of the
    # same person. What is shown and searched is what each study has.
    text_column("patient_name"),
    ordered_text_column("patient_name_folded"),
    text_column("patient_birth_date"),
    text_column("patient_sex"),
    Index("ix_patient_patient_id", "patient_id"),
)

study = Table(
    "study",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("patient_fk", ForeignKey("patient.id"), nullable=False, index=True),
    # The row of the patient by which the study counts where several IDs are linked; else its own.
    Column("person_fk", BigId, nullable=False, server_default="0", index=True),
    Column("study_instance_uid", Uid, nullable=False, unique=True),
    # As its own first instance states them, or a correction: other studies of the patient may
    # state others.
    text_column("patient_name"),
    # As `storage.core.text.text_folding` has it: what keys are compared with.
    ordered_text_column("patient_name_folded"),
    text_column("patient_birth_date"),
    text_column("patient_sex"),
    ordered_text_column("study_date"),
    text_column("study_time"),
    # As its first instance states it (PS3.3 C.12.1.1.8); empty also of what came before migration
    # 0114.
    text_column("timezone_offset_from_utc"),
    ordered_text_column("accession_number"),
    # Who issued it (`storage.core.accession_issuers`); empty also of what came before migration
    # 0147.
    text_column("accession_number_namespace"),
    text_column("accession_number_system"),
    text_column("study_description"),
    text_column("study_id"),
    text_column("referring_physician_name"),
    ordered_text_column("referring_physician_name_folded"),
    # Patient, description and accession number in one, folded (`storage.core.text.text_folding`):
    # typed words are looked for here, which reads each study once and no patient.
    ordered_text_column("search_text"),
    time_column("received_at"),
    time_column("updated_at"),
    # Which rules decided on its access groups; 0: none yet.
    Column("access_rules_version", Integer, nullable=False, server_default="0", index=True),
    # Of the patient, where a correction made that another one than the bytes name.
    text_column("patient_digest"),
    # When the rules for whole studies are asked; none: it is not due.
    time_column("route_at", nullable=True),
    # Who reads it: the identity (`storage.core.callers.identity`) and the name; empty: nobody.
    text_column("reader_id"),
    text_column("reader_name"),
    time_column("reader_since", nullable=True),
    Index("ix_study_patient_name_folded", "patient_name_folded"),
    Index("ix_study_study_date", "study_date"),
    Index("ix_study_accession_number", "accession_number"),
    Index("ix_study_received_at", "received_at"),
    Index(
        "ix_study_reader_id",
        "reader_id",
        sqlite_where=text("reader_id != ''"),
        postgresql_where=text("reader_id != ''"),
    ),
    # What routing still has to look at as a whole.
    Index(
        "ix_study_route_at",
        "route_at",
        sqlite_where=text("route_at IS NOT NULL"),
        postgresql_where=text("route_at IS NOT NULL"),
    ),
)

series = Table(
    "series",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("study_fk", ForeignKey("study.id"), nullable=False),
    Column("series_instance_uid", Uid, nullable=False, index=True),
    text_column("modality"),
    Column("series_number", Integer),
    text_column("series_description"),
    text_column("series_date"),
    text_column("series_time"),
    text_column("body_part_examined"),
    text_column("protocol_name"),
    text_column("frame_of_reference_uid"),
    text_column("manufacturer"),
    text_column("manufacturer_model_name"),
    text_column("station_name"),
    text_column("institution_name"),
    text_column("performed_procedure_step_start_date"),
    text_column("performed_procedure_step_start_time"),
    Column("state", String(16), nullable=False),
    Column("origin", String(16), nullable=False),
    text_column("fingerprint"),
    # As it was when the rules of routing were asked.
    text_column("routed_fingerprint"),
    time_column("first_instance_at"),
    time_column("last_instance_at"),
    time_column("completed_at", nullable=True),
    # All of its instances are.
    Column("is_rejected", Boolean, nullable=False, server_default=false()),
    # For a reader (`storage.index.series_roles`), with spaces between them; none: not looked at.
    Column("roles", Text),
    UniqueConstraint("study_fk", "series_instance_uid"),
    # Answers for ModalitiesInStudy and the number of series without reading the rows.
    Index("ix_series_study_fk_modality", "study_fk", "modality", "is_rejected"),
    Index(
        "ix_series_rejected",
        "id",
        sqlite_where=text("is_rejected = 1"),
        postgresql_where=text("is_rejected"),
    ),
    Index("ix_series_state_last_instance_at", "state", "last_instance_at"),
    Index(
        "ix_series_roles_unknown",
        # By these, SQLite prefers it to the index of states, which names all that are complete.
        "state",
        "origin",
        "study_fk",
        sqlite_where=text("roles IS NULL"),
        postgresql_where=text("roles IS NULL"),
    ),
)

instance = Table(
    "instance",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("series_fk", ForeignKey("series.id"), nullable=False),
    Column("sop_instance_uid", Uid, nullable=False, unique=True),
    Column("sop_class_uid", Uid, nullable=False),
    Column("transfer_syntax_uid", Uid, nullable=False),
    Column("instance_number", Integer),
    Column("rows", Integer),
    Column("columns", Integer),
    Column("bits_allocated", Integer),
    Column("number_of_frames", Integer),
    Column("size_bytes", BigInteger, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("source", Text, nullable=False),
    text_column("called_ae_title"),
    text_column("peer_address"),
    time_column("received_at"),
    Column("volume", String(80), nullable=False),
    Column("volume_offset", BigInteger, nullable=False),
    text_column("object_key"),
    # Whose copy in the bucket has the bytes, as long as the present volume has none there.
    text_column("former_volume"),
    # A rejection note names it: it is hidden, not deleted.
    Column("is_rejected", Boolean, nullable=False, server_default=false()),
    # Numbers and sizes of series and studies are summed up here without reading the rows.
    Index("ix_instance_series_fk_size_bytes", "series_fk", "size_bytes", "is_rejected"),
    Index(
        "ix_instance_rejected",
        "id",
        sqlite_where=text("is_rejected = 1"),
        postgresql_where=text("is_rejected"),
    ),
    # What still waits for the bucket.
    Index(
        "ix_instance_unsettled",
        "id",
        sqlite_where=text("object_key = ''"),
        postgresql_where=text("object_key = ''"),
    ),
    # In which volumes they lie.
    Index(
        "ix_instance_unsettled_volume",
        "volume",
        sqlite_where=text("object_key = ''"),
        postgresql_where=text("object_key = ''"),
    ),
)

unreadable_instance = Table(
    "unreadable_instance",
    metadata,
    Column("sop_instance_uid", Uid, primary_key=True),
    Column("study_instance_uid", Uid, nullable=False),
    Column("digest", String(64), nullable=False),
    text_column("reason"),
    time_column("noticed_at"),
)

# What the node made, also once its rows are gone: a PACS may send it back.
generated_instance = Table(
    "generated_instance",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("sop_instance_uid", Uid, nullable=False),
    Column("digest", String(64), nullable=False),
    # In whatever encoding; empty where there is none, none where it was not taken yet.
    Column("content_digest", String(64)),
    Column("source", Text, nullable=False, index=True),
    time_column("made_at"),
    # Since when it does not count any more, even where it comes back.
    time_column("withdrawn_at", nullable=True),
    UniqueConstraint("sop_instance_uid", "digest"),
    Index(
        "ix_generated_instance_undigested",
        "id",
        sqlite_where=text("content_digest IS NULL"),
        postgresql_where=text("content_digest IS NULL"),
    ),
)

NOT_UPLOADED = instance.c.object_key == literal_column("''")
"""Instances that wait for the bucket. A bound value would keep SQLite from its partial index."""

ROLES_UNKNOWN = and_(
    series.c.roles.is_(None),
    series.c.state == "COMPLETE",
    series.c.origin == "received",
)
"""Complete series whose roles nobody looked at."""

expectation = Table(
    "expectation",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("series_instance_uid", Uid, nullable=False, index=True),
    Column("announced_by", String(80), nullable=False),
    Column("is_final", Boolean, nullable=False),
    Column("sop_instance_uids", JSON, nullable=False),
    Column("instance_count", Integer),
    time_column("updated_at"),
    # Empty: of whichever study the series is.
    Column("study_instance_uid", Uid, nullable=False, server_default=""),
    UniqueConstraint("announced_by", "study_instance_uid", "series_instance_uid"),
)
