"""Records ↔ index after a crash: what is durable in a volume gets its row back.

A record without a row is harmless and happens when a process dies between the
two, or when a power cut takes SQLite's last transactions. A row without its
record would be a lie, and the order of writing makes it impossible.
"""

import time
from pathlib import Path

import structlog
from sqlalchemy import Engine, select

from storage import tables as t
from storage.cataloguing import NewInstance, add_instances, find_known
from storage.clock import utcnow
from storage.database import insert_or_ignore, reading, writing
from storage.errors import InvalidInstance, LimitExceeded
from storage.part10 import read_header
from storage.volume_reader import VolumeReader
from storage.volume_scan import Record, is_being_written, is_unfinished, scan, verify, volumes_in

# A file this young may be one that its writer is about to lock.
_UNFINISHED_AGE_S = 60.0

log = structlog.get_logger(__name__)


def reconcile(engine: Engine, folder: Path) -> int:
    """Index every whole record that has no row; how many there were.

    Volumes that a living process writes, and those that were reconciled after
    their last record, are passed over.
    """
    restored = 0
    reader = VolumeReader(folder)
    try:
        for path in volumes_in(folder):
            if _is_reconciled(engine, path) or is_being_written(path):
                continue
            if is_unfinished(path):
                _remove_unfinished(path)
                continue
            restored += _reconcile_volume(engine, path, reader)
    finally:
        reader.close()
    return restored


def _remove_unfinished(path: Path) -> None:
    """Remove what a large instance left that never arrived whole, and empty volumes."""
    if time.time() - path.stat().st_mtime > _UNFINISHED_AGE_S:
        log.warning("unfinished_instance_removed", volume=path.name)
        path.unlink()


def _reconcile_volume(engine: Engine, path: Path, reader: VolumeReader) -> int:
    restored = 0
    end = 0
    for record in scan(path):
        end = record.location.offset + record.location.length
        new = _without_row(engine, path, record, reader)
        if new is not None:
            restored += add_instances(engine, [new]) == ["stored"]
    size_bytes = path.stat().st_size
    if end < size_bytes:
        log.warning("volume_tail_torn", volume=path.name, torn_bytes=size_bytes - end)
    with writing(engine) as connection:
        insert_or_ignore(
            connection,
            t.volume,
            {"name": path.name, "size_bytes": size_bytes, "reconciled_at": utcnow()},
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
    if known == record.sha256:
        return None
    if not verify(path, record):
        log.error("volume_record_damaged", volume=path.name, offset=record.location.offset)
        return None
    note = record.note
    return NewInstance(
        header, record.location, record.sha256, note.source, note.origin, note.received_at
    )


def _is_reconciled(engine: Engine, path: Path) -> bool:
    with reading(engine) as connection:
        size_bytes = connection.execute(
            select(t.volume.c.size_bytes).where(t.volume.c.name == path.name)
        ).scalar()
    return size_bytes == path.stat().st_size
