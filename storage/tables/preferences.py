"""How each person likes the pages."""

from sqlalchemy import JSON, Column, String, Table

from storage.tables.base import metadata, time_column

preference = Table(
    "preference",
    metadata,
    # Accounts, keys and people of identity providers may share a name, so none stands here:
    # an account's, a key's id, or a provider's URL and its subject.
    Column("kind", String(16), primary_key=True),
    Column("subject", String(1024), primary_key=True),
    Column("chosen", JSON, nullable=False),
    time_column("updated_at"),
)
