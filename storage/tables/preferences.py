"""How each person likes the pages."""

from sqlalchemy import JSON, Column, String, Table

from storage.tables.base import metadata, time_column

preference = Table(
    "preference",
    metadata,
    # Accounts, keys and people of an identity provider may share a name.
    Column("kind", String(16), primary_key=True),
    Column("name", String(255), primary_key=True),
    Column("chosen", JSON, nullable=False),
    time_column("updated_at"),
)
