"""The row with an identity: found, or added by the first who comes."""

from typing import Any

from sqlalchemy import Connection, Table, select

from storage.db.engine import insert_or_ignore

_ATTEMPTS = 5


def find_or_add(
    connection: Connection, table: Table, identity: dict[str, Any], values: dict[str, Any]
) -> tuple[int, bool]:
    """The row's id, and whether it was added now."""
    lookup = select(table.c.id).where(*(table.c[name] == value for name, value in identity.items()))
    added = False
    # Another process may delete the row between two statements.
    for _ in range(_ATTEMPTS):
        row_id = connection.execute(lookup).scalar()
        if row_id is not None:
            return int(row_id), added
        added = insert_or_ignore(connection, table, {**identity, **values})
    return int(connection.execute(lookup).scalar_one()), added
