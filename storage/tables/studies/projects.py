"""Research projects: which studies belong to them, and what was exported."""

from sqlalchemy import JSON, BigInteger, Boolean, Column, ForeignKey, Index, Integer, String, Table

from storage.tables.base import Uid, metadata, text_column, time_column

project = Table(
    "project",
    metadata,
    Column("project_id", String(36), primary_key=True),
    Column("name", String(64), nullable=False, unique=True),
    # Names of the options of PS3.15 E.3.
    Column("options", JSON, nullable=False),
    # Studies leave only where somebody recorded the patient's consent.
    Column("needs_consent", Boolean, nullable=False),
    # Shares of training, validation and test, which add up to 100.
    Column("split", JSON, nullable=False),
    # Of the pseudonyms, encrypted (`storage.crypto.secret_box`).
    text_column("key"),
    text_column("created_by"),
    time_column("created_at"),
)

project_study = Table(
    "project_study",
    metadata,
    Column(
        "project_id",
        String(36),
        ForeignKey("project.project_id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("study_instance_uid", Uid, primary_key=True),
    # Of its patient when it was added (`Index.patient_key`); the study's UID where there is no ID.
    text_column("patient_key"),
    Column("has_consent", Boolean, nullable=False),
    text_column("added_by"),
    time_column("added_at"),
)

project_export = Table(
    "project_export",
    metadata,
    Column("export_id", String(36), primary_key=True),
    Column(
        "project_id",
        String(36),
        ForeignKey("project.project_id", ondelete="CASCADE"),
        nullable=False,
    ),
    # Below the export folder, or below what the entry of the peer names that is the destination.
    text_column("folder"),
    text_column("destination"),
    # Of the project, as they were when the export was asked for.
    Column("options", JSON, nullable=False),
    Column("format", String(16), nullable=False, server_default="dicom"),
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False, server_default="0"),
    text_column("lease_owner"),
    time_column("next_attempt_at"),
    text_column("last_error"),
    text_column("requested_by"),
    time_column("created_at"),
    time_column("updated_at"),
    Index("ix_project_export_state_next_attempt_at", "state", "next_attempt_at"),
    Index("ix_project_export_project_id", "project_id"),
)

# What became of each instance, so that an export that was interrupted goes on where it was.
project_export_instance = Table(
    "project_export_instance",
    metadata,
    Column(
        "export_id",
        String(36),
        ForeignKey("project_export.export_id", ondelete="CASCADE"),
        primary_key=True,
    ),
    Column("sop_instance_uid", Uid, primary_key=True),
    Column("study_instance_uid", Uid, nullable=False),
    # Below the folder of the export; empty where it was refused.
    text_column("name"),
    Column("sha256", String(64), nullable=False, server_default=""),
    Column("size_bytes", BigInteger, nullable=False, server_default="0"),
    # Why it did not leave; empty where it did.
    text_column("reason"),
    # Overwritten because they showed a face.
    Column("face_voxels", BigInteger, nullable=False, server_default="0"),
)
