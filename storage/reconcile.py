"""Records ↔ index after a crash: what is durable in a volume gets its row back.

A record without a row is harmless and happens when a process dies between the
two, or when a power cut takes SQLite's last transactions. A row without its
record would be a lie, and the order of writing makes it impossible.
"""

import time
from pathlib import Path

import structlog
from sqlalchemy import Engine, select, update

from storage import tables as t
from storage.cataloguing import NewInstance, add_instances, find_known
from storage.clock import utcnow
from storage.database import insert_or_ignore, reading, writing
from storage.deleting import bury
from storage.errors import InvalidInstance, LimitExceeded
from storage.generation import Generation
from storage.part10 import read_header
from storage.tombstones import Tombstone, is_covered
from storage.volume_files import translated_os_errors
from storage.volume_reader import VolumeReader
from storage.volume_scan import (
    Record,
    is_being_written,
    is_unfinished,
    scan,
    torn_bytes,
    verify,
    volumes_in,
)

# A file this young may be one that its writer is about to lock.
_UNFINISHED_AGE_S = 60.0

log = structlog.get_logger(__name__)


def reconcile(engine: Engine, folder: Path) -> int:
    """Index every whole record that has no row; how many there were.

    Volumes that a living process writes, and those that were reconciled after
    their last record, are passed over.
    """
    reader = VolumeReader(folder)
    todo = []
    try:
        for path in volumes_in(folder):
            if is_reconciled(engine, path) or is_being_written(path):
                continue
            if is_unfinished(path):
                _remove_unfinished(path)
                continue
            todo.append(path)
            # What was deleted must be known before any record is looked at.
            bury_again(engine, path, reader)
        return sum(reconcile_volume(engine, path, reader) for path in todo if path.exists())
    finally:
        reader.close()


def _remove_unfinished(path: Path) -> None:
    """Remove what a large instance left that never arrived whole, and empty volumes."""
    if time.time() - path.stat().st_mtime > _UNFINISHED_AGE_S:
        log.warning("unfinished_instance_removed", volume=path.name)
        path.unlink()


def reconcile_volume(engine: Engine, path: Path, reader: VolumeReader) -> int:
    """Index every whole record of one volume that has no row; how many there were.

    `bury_again` comes first, for every volume.
    """
    restored = 0
    end = 0
    for record in scan(path):
        end = record.location.offset + record.location.length
        if record.note.kind == "tombstone":
            continue
        new = _without_row(engine, path, record, reader)
        if new is not None:
            restored += add_instances(engine, [new]) == ["stored"]
    size_bytes = path.stat().st_size
    if torn := torn_bytes(path, end):
        log.warning("volume_tail_torn", volume=path.name, torn_bytes=torn)
    with writing(engine) as connection:
        values = {"size_bytes": size_bytes, "reconciled_at": utcnow()}
        if not insert_or_ignore(connection, t.volume, {"name": path.name, **values}):
            connection.execute(
                update(t.volume).where(t.volume.c.name == path.name).values(**values)
            )
    if restored:
        log.warning("index_rows_restored", volume=path.name, instances=restored)
    return restored


def _without_row(
    engine: Engine, path: Path, record: Record, reader: VolumeReader
) -> NewInstance | None:
    part10 = reader.read(record.location, 0, record.location.length)
    try:
        header = read_header(part10)
    except (InvalidInstance, LimitExceeded):
        # The record was whole when its header was read at the door; the disk has changed it.
        log.error("volume_record_damaged", volume=path.name, offset=record.location.offset)
        return None
    with reading(engine) as connection:
        known = find_known(connection, header.sop_instance_uid)
        if known == record.digest or is_covered(
            connection, header.sop_instance_uid, record.note.generation
        ):
            return None
    if not verify(path, record):
        log.error("volume_record_damaged", volume=path.name, offset=record.location.offset)
        return None
    note = record.note
    return NewInstance(
        header, record.location, record.digest, note.source, note.origin, note.received_at
    )


def bury_again(engine: Engine, path: Path, reader: VolumeReader) -> None:
    """Bring the deletions that a volume tells of to their end, where a crash cut them off."""
    for record in scan(path):
        if record.note.kind != "tombstone":
            continue
        if not verify(path, record):
            log.error("volume_record_damaged", volume=path.name, offset=record.location.offset)
            continue
        payload = reader.read(record.location, 0, record.location.length)
        buried = bury(engine, Tombstone.decode(record.note, payload))
        with translated_os_errors(path.parent):
            Generation(path.parent).ensure(record.note.generation)
        if buried:
            log.warning("deletion_completed", volume=path.name, instances=buried)


def is_reconciled(engine: Engine, path: Path) -> bool:
    """Whether every whole record of the volume, as long as it is now, was looked at."""
    with reading(engine) as connection:
        size_bytes = connection.execute(
            select(t.volume.c.size_bytes).where(t.volume.c.name == path.name)
        ).scalar()
    return size_bytes == path.stat().st_size
