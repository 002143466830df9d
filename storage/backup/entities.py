"""What a backup consists of."""

from dataclasses import dataclass

from storage.core.errors import MediViewError


class BackupDamaged(MediViewError):
    """A part of a backup is missing, or is not what was written."""

    code = "backup_damaged"


@dataclass(frozen=True)
class StoredFile:
    """A file of the data folder, a model, or an object of the bucket."""

    path: str
    """`volumes/…`, `models/…`, `objects/…` and so on, whatever the node's settings are."""
    size_bytes: int
    version: str
    """Tells one that has not changed since and need not be read; may be empty."""
    pieces: tuple[str, ...]


@dataclass(frozen=True)
class StoredTable:
    name: str
    columns: tuple[tuple[str, str], ...]
    """Each with its kind (`storage.backup.rows`)."""
    rows: int
    pieces: tuple[str, ...]
    last_number: int | None
    """The greatest that was ever given to a row, where the database counts."""


@dataclass(frozen=True)
class Manifest:
    """What a whole backup says of itself; without one, a backup was cut off."""

    name: str
    began_at: str
    """Everything that was acknowledged before is in it."""
    ended_at: str
    program_version: str
    schema: str
    """The migration that the database was at."""
    engine: str
    instances: int
    size_bytes: int
    """Of all files."""
    copied_bytes: int
    """What this backup added, before encryption."""
    tables: tuple[StoredTable, ...]
    files: tuple[str, ...]
    """Pieces of the list of files, one JSON object a line."""
    missing: tuple[str, ...]
    """What the index refers to and the node did not have, a sentence each."""
    awaited: tuple[str, ...] = ()
    """What other hosts received while it was taken and the bucket had not got at its end."""
