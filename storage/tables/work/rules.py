"""Versions of the site's rules."""

from sqlalchemy import Column, Integer, String, Table, Text

from storage.tables.base import metadata, text_column, time_column

# Each text that was saved; the highest number is in force where no setting names a file.
rule_version = Table(
    "rule_version",
    metadata,
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("text", Text, nullable=False),
    # SHA-256 of the text in UTF-8.
    Column("digest", String(64), nullable=False),
    text_column("comment"),
    text_column("author"),
    # The identity behind the name (`storage.core.callers.identity`); empty for an operator or
    # where the file itself was edited.
    text_column("author_id"),
    time_column("saved_at"),
)
