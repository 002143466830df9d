"""Rows that name a place which is not there, although a volume has their record: they get it.

So it is where the index is older than a compaction, which moved records and removed the volumes
they lay in: a copy of the database was put back, or the end of its log was lost.
"""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import structlog
from sqlalchemy import Connection, Engine, delete, literal, select, update
from sqlalchemy.schema import Table

from storage import tables as t
from storage.core.entities import Location
from storage.core.errors import InvalidInstance, LimitExceeded
from storage.db.engine import reading, writing
from storage.db.portions import in_portions
from storage.dicom.part10 import read_header
from storage.index.tombstones import is_covered
from storage.volumes.files import translated_os_errors
from storage.volumes.reader import VolumeReader
from storage.volumes.scan import Record, batched, scan, verify, volumes_in

LOOKED_UP_TOGETHER = 500

log = structlog.get_logger(__name__)


class Row(NamedTuple):
    """What the index says of a content: an instance, or a conflict."""

    table: Table
    row_id: int
    sop_instance_uid: str
    digest: str
    volume: str
    volume_offset: int
    size_bytes: int
    is_uploaded: bool


@dataclass(frozen=True)
class Moved:
    """A row that lost its place, and a record of the same content."""

    row: Row
    record: Record


class Places:
    """Which places are there, as one look at the sizes of the volumes has it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._sizes: dict[str, int] = {}

    def has(self, volume: str, end: int) -> bool:
        """Whether the volume reaches that far."""
        if volume not in self._sizes:
            with translated_os_errors(self._folder):
                try:
                    self._sizes[volume] = (self._folder / volume).stat().st_size
                except FileNotFoundError:
                    self._sizes[volume] = -1
        return bool(volume) and self._sizes[volume] >= end


def moved(
    engine: Engine, records: Sequence[Record], places: Places, *, uploaded_too: bool = False
) -> list[Moved]:
    """Records whose content a row has at a place that is not there; one for each row.

    Where a bucket has the content the local place does not matter, unless `uploaded_too`.
    """
    by_content: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        if record.note.kind == "instance":
            key = (record.media_storage_sop_instance_uid, record.digest)
            by_content.setdefault(key, []).append(record)
    uids = {uid for uid, _ in by_content}
    found = []
    with reading(engine) as connection:
        for row in _rows(connection, uids):
            same = by_content.get((row.sop_instance_uid, row.digest), ())
            if (
                not same
                or (row.is_uploaded and not uploaded_too)
                or places.has(row.volume, row.volume_offset + row.size_bytes)
            ):
                continue
            # The newest that no deletion covers.
            for record in reversed(same):
                uid, generation = row.sop_instance_uid, record.note.generation
                if not is_covered(connection, uid, generation, row.digest):
                    found.append(Moved(row, record))
                    break
    return found


def move_rows(
    engine: Engine,
    path: Path,
    records: Sequence[Record],
    reader: VolumeReader,
    places: Places,
    *,
    uploaded_only: Iterable[str] = (),
) -> int:
    """Let rows that lost their place name these records of one volume; how many.

    `uploaded_only` are the UIDs of instances that a bucket should have and has not. Raises
    StorageUnavailable, StorageFull.
    """
    wanted = set(uploaded_only)
    candidates = [
        one
        for one in moved(engine, records, places, uploaded_too=bool(wanted))
        if not one.row.is_uploaded or one.row.sop_instance_uid in wanted
    ]
    # What was moved out of it is to go.
    if not candidates or _is_retired(engine, path.name):
        return 0
    count = sum(_move(engine, path, one, reader) for one in candidates)
    if count:
        log.warning("index_rows_moved", volume=path.name, instances=count)
    return count


def move_all(
    engine: Engine, folder: Path, reader: VolumeReader, *, uploaded_only: Iterable[str] = ()
) -> int:
    """As `move_rows`, looking at every volume."""
    places = Places(folder)
    count = 0
    for path in volumes_in(folder):
        # Housekeeping may remove volumes meanwhile.
        with suppress(FileNotFoundError):
            for records in batched(scan(path), LOOKED_UP_TOGETHER):
                count += move_rows(
                    engine, path, records, reader, places, uploaded_only=uploaded_only
                )
    return count


def _move(engine: Engine, path: Path, one: Moved, reader: VolumeReader) -> bool:
    row, record = one.row, one.record
    try:
        header = read_header(reader.read(record.location, 0, record.location.length))
    except (InvalidInstance, LimitExceeded):
        header = None
    if header is None or not verify(path, record):
        log.error("volume_record_damaged", volume=path.name, offset=record.location.offset)
        return False
    if header.sop_instance_uid != row.sop_instance_uid:
        return False
    values = _place(record.location)
    of = row.table.c
    is_still_there = [
        of.id == row.row_id,
        of.digest == row.digest,
        of.volume == row.volume,
        of.volume_offset == row.volume_offset,
    ]
    if row.table is t.instance:
        values["object_key"] = ""
        # The same data set in another encoding of its own is another instance.
        is_still_there.append(of.transfer_syntax_uid == header.transfer_syntax_uid)
    with writing(engine) as connection:
        changed = connection.execute(update(row.table).where(*is_still_there).values(**values))
        if changed.rowcount and row.table is t.instance:
            noted = t.damaged_instance
            connection.execute(
                delete(noted).where(noted.c.sop_instance_uid == row.sop_instance_uid)
            )
    return bool(changed.rowcount)


def _place(location: Location) -> dict[str, object]:
    return {
        "volume": location.volume,
        "volume_offset": location.offset,
        "size_bytes": location.length,
    }


def _rows(connection: Connection, uids: set[str]) -> Iterable[Row]:
    for table in (t.instance, t.conflict):
        of = table.c
        is_uploaded = of.object_key != "" if table is t.instance else literal(False)
        for portion in in_portions(list(uids)):
            rows = connection.execute(
                select(
                    of.id,
                    of.sop_instance_uid,
                    of.digest,
                    of.volume,
                    of.volume_offset,
                    of.size_bytes,
                    is_uploaded,
                ).where(of.sop_instance_uid.in_(portion))
            )
            for values in rows.all():
                yield Row(table, *values)


def moved_to(engine: Engine, path: Path) -> set[str]:
    """Instances whose rows lost their place, in a bucket or here, and of which this volume has
    the record."""
    places = Places(path.parent)
    return {
        one.row.sop_instance_uid
        for records in batched(scan(path), LOOKED_UP_TOGETHER)
        for one in moved(engine, records, places, uploaded_too=True)
        if one.row.table is t.instance
    }


def _is_retired(engine: Engine, name: str) -> bool:
    with reading(engine) as connection:
        at = select(t.volume.c.retired_at).where(t.volume.c.name == name)
        return connection.execute(at).scalar() is not None
