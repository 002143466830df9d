"""Sessions of interactive models: what was clicked, and the mask that a worker made of it."""

from sqlalchemy import JSON, Column, Index, Integer, LargeBinary, String, Table

from storage.tables.base import Uid, metadata, text_column, time_column

interactive_session = Table(
    "interactive_session",
    metadata,
    Column("session_id", String(36), primary_key=True),
    Column("study_instance_uid", Uid, nullable=False, index=True),
    Column("series_instance_uid", Uid, nullable=False),
    Column("pipeline", String(80), nullable=False),
    Column("pipeline_version", String(80), nullable=False),
    # Of the structure that is segmented, as the model names it; empty: what is clicked.
    text_column("structure"),
    # The identity of whose session it is (`storage.core.callers.identity`).
    text_column("owner_id"),
    # opening, ready, ended.
    Column("state", String(16), nullable=False),
    text_column("reason"),
    # The points, the box and the shapes that hold now; each change has a number, and the worker
    # answers it.
    Column("points", JSON, nullable=False),
    Column("box", JSON),
    Column("shapes", JSON, nullable=False, server_default="[]"),
    # The stored segment that the model begins with.
    Column("initial", JSON),
    Column("wanted", Integer, nullable=False),
    Column("answered", Integer, nullable=False),
    # Why the last change gave no mask; null where it did.
    Column("problem", JSON),
    # gzip of bits, within `mask_place` of the volume; null: no voxel, or not asked yet.
    Column("mask", LargeBinary),
    Column("mask_place", JSON),
    Column("voxels", Integer, nullable=False),
    Column("took_ms", Integer, nullable=False),
    # The volume on which points and masks lie, once the worker has it.
    Column("grid", JSON),
    # By whom, and as what, the mask is to be saved; then the job that stands for it.
    Column("acceptance", JSON),
    text_column("job_id"),
    text_column("lease_owner"),
    time_column("lease_expires_at", nullable=True),
    time_column("created_at"),
    # When its owner last changed something.
    time_column("used_at"),
    Index("ix_interactive_session_state", "state"),
)
