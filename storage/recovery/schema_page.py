"""Let SQLite read the tables of a file again whose schema it cannot read.

Where each table begins stands in the table `sqlite_schema`, of which the first page is the root
(sqlite.org/fileformat2.html, 2.6). Its other pages are found by what stands on them, and the rows
that they have are given to a new first page; then SQLite reads the tables themselves. Of a table
whose row is lost the first page is not known, and nothing of it is read.
"""

import mmap
import os
import sqlite3
import struct
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from storage.db.sqlite_files.write_ahead_log import pages_of

_PAGE_BYTES = 4096
_MAGIC = b"SQLite format 3\0"
_FRACTIONS_AT, _FRACTIONS = 21, bytes([64, 32, 32])
_FILE_HEADER_BYTES = 100
_TABLE_INTERIOR, _TABLE_LEAF = 0x05, 0x0D
_SCHEMA_COLUMNS = 5  # type, name, tbl_name, rootpage, sql
_FIXED_BYTES = {1: 1, 2: 2, 3: 3, 4: 4, 5: 6, 6: 8}
_CELL_POINTERS_AT = 8


_Pages = bytes | mmap.mmap


class _Row(NamedTuple):
    row_id: int
    name: str
    root_page: int
    sql: str


class _Garbled(Exception):
    """What was read is no cell of a table."""


def is_first_page_garbled(path: Path) -> bool:
    """Whether the file itself begins as none of SQLite's does, whatever its log has (1.3).

    SQLite reads the page from the log as long as the log has it, and says nothing. Not for a
    process that has the file open: closing it here would end that one's locks (fcntl(2)).
    """
    try:
        with path.open("rb") as file:
            begin = file.read(_FILE_HEADER_BYTES + 1)
    except OSError:
        return False
    return bool(begin) and not (
        begin.startswith(_MAGIC)
        and begin[_FRACTIONS_AT:][: len(_FRACTIONS)] == _FRACTIONS
        and begin[_FILE_HEADER_BYTES:] in (bytes([_TABLE_INTERIOR]), bytes([_TABLE_LEAF]))
    )


def has_schema(path: Path) -> bool:
    """Whether SQLite reads the schema of the file and its log."""
    try:
        with closing(sqlite3.connect(path)) as connection:
            # Every row of it is parsed then.
            connection.execute("PRAGMA schema_version").fetchall()
            return bool(connection.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0])
    except sqlite3.DatabaseError:
        return False


def give_schema(path: Path) -> None:
    """Write a first page that names the tables which can be found; the log is taken in.

    `path` is a copy: it is good for reading these tables and for nothing else.
    """
    log = path.with_name(path.name + "-wal")
    with path.open("r+b") as file:
        for number, page in pages_of(log, _PAGE_BYTES).items():
            file.seek((number - 1) * _PAGE_BYTES)
            file.write(page)
        count = max(1, -(-file.seek(0, os.SEEK_END) // _PAGE_BYTES))
        file.truncate(count * _PAGE_BYTES)
        with mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as pages:
            rows = {row.name: row for row in sorted(_schema_rows(pages))}
        file.seek(0)
        file.write(_first_page(count))
    log.unlink(missing_ok=True)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA writable_schema=ON")
        connection.executemany(
            "INSERT INTO sqlite_schema VALUES ('table', ?1, ?1, ?2, ?3)",
            [(row.name, row.root_page, row.sql) for row in rows.values()],
        )
        connection.commit()


def _first_page(page_count: int) -> bytes:
    """That of a file without tables and without free pages, of so many pages."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "empty.sqlite3"
        with closing(sqlite3.connect(path)) as connection:
            connection.execute(f"PRAGMA page_size={_PAGE_BYTES}")
            connection.execute("PRAGMA auto_vacuum=NONE")
            connection.execute("PRAGMA user_version=1")
        page = bytearray(path.read_bytes()[:_PAGE_BYTES])
    struct.pack_into(">I", page, 28, page_count)
    # The count holds where both counters of changes agree (1.3.7).
    page[92:96] = page[24:28]
    return bytes(page)


def _schema_rows(pages: _Pages) -> Iterator[_Row]:
    """What looks like the row of a table in `sqlite_schema`, and names a page of a table."""
    for start in range(0, len(pages), _PAGE_BYTES):
        header = start + (_FILE_HEADER_BYTES if start == 0 else 0)
        if pages[header] != _TABLE_LEAF:
            continue
        (count,) = struct.unpack_from(">H", pages, header + 3)
        for index in range(min(count, _PAGE_BYTES // 4)):
            try:
                (offset,) = struct.unpack_from(">H", pages, header + _CELL_POINTERS_AT + 2 * index)
                row = _row(pages, start + offset)
            except (_Garbled, struct.error, IndexError):
                continue
            if row is not None and _is_table_page(pages, row.root_page):
                yield row


def _is_table_page(pages: _Pages, number: int) -> bool:
    start = (number - 1) * _PAGE_BYTES
    return number > 1 and start < len(pages) and pages[start] in (_TABLE_INTERIOR, _TABLE_LEAF)


def _row(pages: _Pages, position: int) -> _Row | None:
    length, position = _varint(pages, position)
    row_id, position = _varint(pages, position)
    values = _values(_payload(pages, position, length))
    if len(values) != _SCHEMA_COLUMNS or values[0] != b"table":
        return None
    _, name, _, root_page, sql = values
    if not (isinstance(name, bytes) and isinstance(root_page, int) and isinstance(sql, bytes)):
        return None
    try:
        return _Row(row_id, name.decode("ascii"), root_page, sql.decode())
    except UnicodeDecodeError as error:
        raise _Garbled from error


def _payload(pages: _Pages, position: int, length: int) -> bytes:
    """A record of a leaf, with what overflows into pages of its own (1.6, 1.5)."""
    if length > len(pages):
        # Pages that name each other in a circle would give as much as it says.
        raise _Garbled
    most = _PAGE_BYTES - 35
    if length <= most:
        return pages[position : position + length]
    least = (_PAGE_BYTES - 12) * 32 // 255 - 23
    here = least + (length - least) % (_PAGE_BYTES - 4)
    here = here if here <= most else least
    parts = [pages[position : position + here]]
    (following,) = struct.unpack_from(">I", pages, position + here)
    missing = length - here
    while missing > 0 and following:
        start = (following - 1) * _PAGE_BYTES
        (following,) = struct.unpack_from(">I", pages, start)
        parts.append(pages[start + 4 : start + 4 + min(missing, _PAGE_BYTES - 4)])
        missing -= len(parts[-1])
    if missing:
        raise _Garbled
    return b"".join(parts)


def _values(record: bytes) -> list[bytes | int | None]:
    """The columns of a record (2.1); numbers with a point are none of the schema's."""
    header_length, position = _varint(record, 0)
    kinds: list[int] = []
    while position < header_length and len(kinds) <= _SCHEMA_COLUMNS:
        kind, position = _varint(record, position)
        kinds.append(kind)
    values: list[bytes | int | None] = []
    for kind in kinds:
        size = (kind - 12) // 2 if kind >= 12 else _FIXED_BYTES.get(kind, 0)
        content = record[position : position + size]
        position += size
        if len(content) < size or kind in (7, 10, 11):
            raise _Garbled
        if kind >= 12:
            values.append(content)
        elif kind in _FIXED_BYTES:
            values.append(int.from_bytes(content, "big", signed=True))
        else:
            values.append(None if kind == 0 else kind - 8)
    return values


def _varint(data: _Pages, position: int) -> tuple[int, int]:
    """A number of one to nine bytes, and where the next thing begins (1.6)."""
    value = 0
    for index in range(8):
        byte = data[position + index]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, position + index + 1
    return value << 8 | data[position + 8], position + 9
