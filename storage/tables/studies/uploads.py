"""Files that are uploaded to be analysed."""

from sqlalchemy import (
    BigInteger,
    Column,
    Index,
    Integer,
    String,
    Table,
    Text,
)

from storage.tables.base import metadata, text_column, time_column

upload = Table(
    "upload",
    metadata,
    Column("upload_id", String(36), primary_key=True),
    Column("object_key", Text, nullable=False, unique=True),
    text_column("filename"),
    text_column("content_type"),
    Column("size_bytes", BigInteger),
    Column("state", String(16), nullable=False),
    text_column("reason"),
    time_column("created_at"),
    time_column("expires_at"),
    text_column("multipart_id"),
    Column("part_size_bytes", BigInteger, nullable=False, server_default="0"),
    Column("files_done", Integer, nullable=False, server_default="0"),
    Column("files_total", Integer, nullable=False, server_default="0"),
    # The identity of who began it.
    text_column("created_by_id"),
    Index("ix_upload_state_expires_at", "state", "expires_at"),
)
