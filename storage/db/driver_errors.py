"""What the drivers of both databases raise, distinguished and translated into our causes."""

import re
import sqlite3
from typing import NoReturn

from sqlalchemy import Engine
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError

from storage.core.errors import (
    IndexDamaged,
    MediViewError,
    StorageFull,
    StorageUnavailable,
    ValueRefused,
)
from storage.core.open_files import REMEDY, are_used_up

BUSY_TIMEOUT_S = 30.0
"""How long who wants to write to SQLite waits for those who do."""
DISK_FAILED = (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)
LOCKED = (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)

_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_CLASHES = ("40001", "40P01")
"""PostgreSQL's serialization failure and deadlock (its manual, appendix A)."""
_DISK_FULL, _READ_ONLY = "53100", "25006"
_OF_DATA = ("22", "23", "54")
"""PostgreSQL's classes of what is wrong with the values: they do not fit their type, break a
constraint, or exceed a limit of the server, such as the longest entry of an index."""
_LIMIT = "54"
"""psycopg makes an OperationalError of it, as of an outage."""
_OF_OTHERS = ("23503", "23505")
"""A row that is there, or is not there any more: another transaction was in the way."""
_OF_SCHEMA = ("42701", "42703", "42P01", "42P07")
"""Columns and tables that are there already, or are not there."""
_OF_SQLITE_SCHEMA = re.compile(
    r"no such (table|column): |duplicate column name: |(table|index) \S+ already exists"
)
_SQLITE_OF_OTHERS = (
    sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY,
    sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY,
    sqlite3.SQLITE_CONSTRAINT_ROWID,
    sqlite3.SQLITE_CONSTRAINT_UNIQUE,
)


def is_damaged(error: BaseException | None) -> bool:
    """Whether SQLite's file is no database, or one with pages that are not right."""
    if isinstance(error, DBAPIError):
        error = error.orig
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF  # without the extended part
    return isinstance(error, sqlite3.DatabaseError) and code in _DAMAGED


def damaged_index(
    engine: Engine | None, what: str = "is damaged and cannot be read"
) -> IndexDamaged:
    """Names the file, and the command that mends it."""
    path = engine.url.database if engine is not None else None
    return IndexDamaged(
        f"The index {path or 'index.sqlite3'} {what}.",
        remedy="Stop the node and run 'mediview storage repair': it keeps the old file, and says"
        " what it can rebuild and what it cannot.",
    )


def raise_translated(error: DBAPIError | sqlite3.DatabaseError) -> NoReturn:
    """Raises StorageUnavailable, StorageFull or ValueRefused; else the error itself."""
    sqlstate = _sqlstate(error)
    if sqlstate.startswith(_LIMIT):
        raise ValueRefused(
            "The database does not take a value of this length.",
            remedy="Shorten it; the database's own log says which index or limit it exceeds.",
        ) from error
    if sqlstate == _READ_ONLY:
        raise StorageUnavailable(
            "The database takes no changes: the server is a standby, or was made read-only.",
            remedy="Let MEDIVIEW_DATABASE_URL name the primary, or end its"
            " default_transaction_read_only; the node goes on by itself.",
        ) from error
    if isinstance(error, OperationalError):
        if "disk is full" in str(error.orig) or sqlstate == _DISK_FULL:
            raise StorageFull(
                "The database has no room left on its disk.",
                remedy="Free disk space; the node goes on by itself.",
            ) from error
        raise _unavailable(error) from error
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        raise _unavailable(error) from error
    raise error


def is_clash(error: BaseException | None) -> bool:
    """Whether two transactions got into each other's way, so that trying again helps.

    The error is the driver's, SQLAlchemy's, or ours as `translated` made it.
    """
    if isinstance(error, StorageUnavailable):
        error = error.__cause__
    if isinstance(error, IntegrityError):
        return True
    return _sqlstate(error) in _CLASHES


def is_data_refused(error: BaseException | None) -> bool:
    """Whether the database answers, and does not take these values, however often it is asked.

    The error is the driver's, SQLAlchemy's, or ours as `translated` made it.
    """
    if isinstance(error, ValueRefused | UnicodeEncodeError | OverflowError):
        return True
    if isinstance(error, MediViewError):
        error = error.__cause__
    sqlstate = _sqlstate(error)
    if sqlstate:
        return sqlstate[:2] in _OF_DATA and sqlstate not in _OF_OTHERS
    original = error.orig if isinstance(error, DBAPIError) else error
    if getattr(original, "sqlite_errorcode", 0) in _SQLITE_OF_OTHERS:
        return False
    # psycopg finds some faults itself, NUL characters among them, and knows no code of them.
    return isinstance(error, DataError | IntegrityError)


def lacks_schema(error: DBAPIError | sqlite3.DatabaseError) -> bool:
    """Whether a statement names a table or a column that is not there, or is there already."""
    original = error.orig if isinstance(error, DBAPIError) else error
    if isinstance(original, sqlite3.Error):
        # It has one code for all; others may repeat what somebody searched for.
        return _OF_SQLITE_SCHEMA.match(str(original)) is not None
    return _sqlstate(error) in _OF_SCHEMA


def _sqlstate(error: BaseException | None) -> str:
    """PostgreSQL's code for what went wrong; empty where it gave none."""
    original = error.orig if isinstance(error, DBAPIError) else error
    return getattr(original, "sqlstate", "") or ""


def _unavailable(error: DBAPIError | sqlite3.DatabaseError) -> StorageUnavailable:
    original = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(original, "sqlite_errorcode", 0) & 0xFF
    if code in LOCKED:
        return StorageUnavailable(
            f"The index has been locked by another program for {BUSY_TIMEOUT_S:g} s.",
            remedy="End what has index.sqlite3 open beside the node, such as a copy by sqlite3"
            " ('fuser -v index.sqlite3' lists it); the node goes on by itself.",
        )
    if code in DISK_FAILED and are_used_up():
        return StorageUnavailable(
            "The index cannot be opened: no file descriptor is left to the process.", remedy=REMEDY
        )
    if code in DISK_FAILED:
        return StorageUnavailable(
            f"The index cannot be read or written: {original}.",
            remedy="Check that its folder is writable and that its disk is healthy (dmesg,"
            " smartctl -a); the node goes on by itself.",
        )
    if lacks_schema(error):
        return StorageUnavailable(
            f"The index has not what this version asks for: {original}.",
            remedy="Run 'mediview migrate'; 'mediview doctor' says which schema it has.",
        )
    return StorageUnavailable(
        "The database cannot be reached or does not answer.",
        remedy="Check MEDIVIEW_DATABASE_URL and the database server;"
        " 'mediview doctor' says what it sees.",
    )
