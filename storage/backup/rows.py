"""Rows of a database as JSON lines that SQLite and PostgreSQL both take.

Read with the types of the tables, so that a time, a truth value or a document is the same on
both engines; written with the kinds that were noted at the time, so that a backup of an older
schema can be restored, and then migrated.
"""

import base64
import json
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import islice
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Connection,
    DateTime,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    cast,
    func,
    insert,
    select,
    text,
)
from sqlalchemy.types import TypeEngine

from storage.backup.entities import BackupDamaged
from storage.tables import UtcDateTime

_BATCH = 500
_KINDS: tuple[tuple[str, type[TypeEngine[Any]], TypeEngine[Any]], ...] = (
    ("json", JSON, JSON(none_as_null=True)),
    ("time", UtcDateTime, UtcDateTime()),
    ("time", DateTime, UtcDateTime()),
    ("boolean", Boolean, Boolean()),
    ("integer", Integer, BigInteger()),
    ("float", Float, Float()),
    ("bytes", LargeBinary, LargeBinary()),
    ("text", String, Text()),
)
_TYPES = {kind: type_ for kind, _, type_ in _KINDS}
_ENCODED: dict[str, Callable[[Any], Any]] = {
    "time": datetime.isoformat,
    "bytes": lambda value: base64.b64encode(value).decode(),
}
_DECODED: dict[str, Callable[[Any], Any]] = {
    "time": datetime.fromisoformat,
    "bytes": base64.b64decode,
    # SQL's NULL and JSON's null are two things.
    "json": lambda value: JSON.NULL if value == "null" else json.loads(value),
}


def columns_of(table: Table) -> tuple[tuple[str, str], ...]:
    """Each column with its kind."""
    return tuple((column.name, _kind(column.type)) for column in table.columns)


def read_rows(connection: Connection, table: Table) -> Iterator[bytes]:
    """A line for each row, in the order of the primary key."""
    columns = [
        # As text: what was stored as JSON's null stays that.
        cast(column, Text).label(column.name) if _kind(column.type) == "json" else column
        for column in table.columns
    ]
    encoders = [_ENCODED.get(_kind(column.type)) for column in table.columns]
    query = select(*columns).order_by(*table.primary_key)
    with connection.execution_options(yield_per=_BATCH).execute(query) as rows:
        for row in rows:
            values = [
                encode(value) if encode and value is not None else value
                for encode, value in zip(encoders, row, strict=True)
            ]
            yield json.dumps(values, separators=(",", ":")).encode() + b"\n"


def write_rows(
    connection: Connection,
    name: str,
    columns: Sequence[tuple[str, str]],
    lines: Iterator[bytes],
) -> int:
    """Insert what `read_rows` gave; how many rows. Raises BackupDamaged where it is not that."""
    unknown = {kind for _, kind in columns} - _TYPES.keys()
    if unknown:
        raise BackupDamaged(f"The table {name!r} has a column of an unknown kind in the backup.")
    table = Table(name, MetaData(), *(Column(one, _TYPES[kind]) for one, kind in columns))
    names = [one for one, _ in columns]
    decoders = [_DECODED.get(kind) for _, kind in columns]
    count = 0
    while portion := list(islice(lines, _BATCH)):
        try:
            values = [
                {
                    one: decode(value) if decode and value is not None else value
                    for one, decode, value in zip(names, decoders, json.loads(line), strict=True)
                }
                for line in portion
            ]
        except (ValueError, TypeError, RecursionError) as error:
            raise BackupDamaged(
                f"A row of the table {name!r} in the backup is not what was read from one."
            ) from error
        connection.execute(insert(table), values)
        count += len(values)
    return count


def last_number(connection: Connection, table: Table) -> int | None:
    """The greatest number that the database ever gave to a row, where it counts them itself."""
    if connection.dialect.name == "sqlite":
        if not _has_counters(connection):
            return None
        query = text("SELECT seq FROM sqlite_sequence WHERE name = :name")
        found = connection.execute(query, {"name": table.name}).scalar()
    else:
        sequence = _sequence(connection, table.name, _counted(table))
        if sequence is None:
            return None
        # Its name is what the database itself answered.
        found = connection.execute(
            text(f"SELECT CASE WHEN is_called THEN last_value END FROM {sequence}")
        ).scalar()
    return None if found is None else int(found)


def set_last_number(
    connection: Connection, name: str, columns: Sequence[tuple[str, str]], last: int | None
) -> None:
    """Let the database count on from there, or from the greatest number in the table."""
    counted = columns[0]
    if counted[1] != "integer":
        return
    if connection.dialect.name == "sqlite":
        if last is not None and _has_counters(connection):
            values = {"name": name, "seq": last}
            connection.execute(text("DELETE FROM sqlite_sequence WHERE name = :name"), values)
            connection.execute(
                text("INSERT INTO sqlite_sequence (name, seq) VALUES (:name, :seq)"), values
            )
        return
    sequence = _sequence(connection, name, counted[0])
    if sequence is None:
        return
    table = Table(name, MetaData(), Column(counted[0], BigInteger()))
    greatest = connection.execute(select(func.max(table.c[counted[0]]))).scalar()
    last = max(last or 0, greatest or 0)
    if last:
        connection.execute(text("SELECT setval(:name, :last)"), {"name": sequence, "last": last})


def _kind(type_: TypeEngine[Any]) -> str:
    return next(kind for kind, of, _ in _KINDS if isinstance(type_, of))


def _counted(table: Table) -> str:
    return str(next(iter(table.columns)).name)


def _sequence(connection: Connection, table: str, column: str) -> str | None:
    query = text("SELECT pg_get_serial_sequence(:table, :column)")
    found: str | None = connection.execute(query, {"table": table, "column": column}).scalar()
    return found


def _has_counters(connection: Connection) -> bool:
    return connection.dialect.has_table(connection, "sqlite_sequence")
