"""Views of a study that somebody shares by a link."""

from sqlalchemy import JSON, Column, Index, String, Table

from storage.tables.base import Uid, metadata, text_column, time_column

shared_view = Table(
    "shared_view",
    metadata,
    # All that the link carries: random, and nothing of a patient's.
    Column("shared_view_id", String(36), primary_key=True),
    Column("study_instance_uid", Uid, nullable=False, index=True),
    # The identity of who shares it (`storage.core.callers.identity`).
    text_column("owner_id"),
    # The viewports: which series, which image, which window.
    Column("view", JSON, nullable=False),
    time_column("created_at"),
    time_column("expires_at"),
    time_column("revoked_at", nullable=True),
    Index("ix_shared_view_owner_id_created_at", "owner_id", "created_at"),
)
