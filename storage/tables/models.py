"""The registry of models: the state of each version, and who changed it when."""

from sqlalchemy import JSON, Column, Index, String, Table

from storage.tables.base import BigId, metadata, text_column, time_column

# A built-in model has no row until it is first proven here or somebody decides on it.
model_state = Table(
    "model_state",
    metadata,
    Column("name", String(160), primary_key=True),
    Column("version", String(80), primary_key=True),
    Column("digest", String(64), nullable=False),
    Column("state", String(16), nullable=False),
    text_column("detail"),
    Column("answer", JSON, nullable=False),
    Column("evaluation", JSON, nullable=False),
    time_column("verified_at", nullable=True),
    time_column("changed_at"),
    text_column("changed_by"),
)

model_change = Table(
    "model_change",
    metadata,
    Column("id", BigId, primary_key=True),
    Column("name", String(160), nullable=False),
    Column("version", String(80), nullable=False),
    text_column("from_state"),
    Column("to_state", String(16), nullable=False),
    text_column("detail"),
    time_column("changed_at"),
    text_column("changed_by"),
    Index("ix_model_change_name_id", "name", "id"),
)
