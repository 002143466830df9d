"""Alembic's entry: the connection is handed in by `storage.db.migrate`."""

from typing import Literal

from alembic import context
from sqlalchemy import text

from storage.tables import UtcDateTime, metadata

_LOCK = 0x6D6967


def render_item(kind: str, item: object, _context: object) -> str | Literal[False]:
    """Write our own column type by the name that the template imports."""
    return "UtcDateTime()" if kind == "type" and isinstance(item, UtcDateTime) else False


connection = context.config.attributes["connection"]
if connection.dialect.name == "postgresql":
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
context.configure(
    connection=connection, target_metadata=metadata, render_as_batch=True, render_item=render_item
)
context.run_migrations()
