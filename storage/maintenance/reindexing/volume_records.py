"""The records of one volume, for an index that is rebuilt."""

import mmap
from dataclasses import replace
from pathlib import Path

import structlog
from sqlalchemy import Engine

from storage import tables as t
from storage.core.clock import utcnow
from storage.db.engine import insert_or_ignore, writing
from storage.index.insert_instance import NewInstance, note_if_generated
from storage.maintenance.reindexing.conflicts import header_of_record
from storage.maintenance.reindexing.known_deletions import KnownDeletions
from storage.maintenance.reindexing.rows import BATCH, Rebuilt, add_batch
from storage.reconciliation.first_received import Place
from storage.volumes.scan import hides_records, scan, torn_bytes

log = structlog.get_logger(__name__)


def index_volume(
    engine: Engine,
    path: Path,
    key: str,
    deletions: KnownDeletions,
    added: frozenset[Place],
    rebuilt: Rebuilt,
    *,
    kept_aside: bool = False,
) -> bool:
    """Add those that came first, or those that were kept aside; whether others are left."""
    batch: list[NewInstance] = []
    are_left, end = False, 0
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped,
        memoryview(mapped) as view,
    ):
        for record in scan(path, mends=True):
            end = record.location.offset + record.location.length
            if record.note.kind == "tombstone":
                continue
            if record.note.is_aside != kept_aside:
                are_left = True
                continue
            if (path.name, record.location.offset, key) in added:
                continue
            start = record.location.offset
            with view[start : start + record.location.length] as part10:
                header = header_of_record(part10, record.digest)
            if header is None:
                log.error("volume_record_damaged", volume=path.name, offset=start)
                rebuilt.refused += 1
                continue
            location = replace(record.location, volume=path.name, object_key=key)
            new = NewInstance.of_note(header, location, record.digest, record.note)
            if deletions.cover(header.sop_instance_uid, record):
                rebuilt.deleted += 1
                with writing(engine) as connection:
                    note_if_generated(connection, new)
                continue
            batch.append(new)
            if len(batch) >= BATCH:
                add_batch(engine, batch, rebuilt, are_later=kept_aside)
                batch = []
    add_batch(engine, batch, rebuilt, are_later=kept_aside)
    if not kept_aside and (torn := torn_bytes(path, end)):
        # What is in the bucket was whole when it was copied.
        is_damaged = bool(key) or hides_records(path, end)
        log.error("volume_torn", volume=path.name, offset=end, torn_bytes=torn, damaged=is_damaged)
        rebuilt.refused += is_damaged
        rebuilt.torn += not is_damaged
    values = {"name": path.name, "size_bytes": path.stat().st_size, "reconciled_at": utcnow()}
    with writing(engine) as connection:
        insert_or_ignore(connection, t.volume, values)
    return are_left
