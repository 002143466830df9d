"""Rows whose record is covered by a deletion that came before the row: they get another record.

The receiving path leaves none (`storage.deletion.renewal`), unless its process is killed between
the row and its last look. Versions before that look left some.
"""

from collections.abc import Sequence
from pathlib import Path

import structlog
from sqlalchemy import Engine, select
from sqlalchemy.schema import Table

from storage import tables as t
from storage.core.errors import InvalidInstance, LimitExceeded
from storage.db.engine import reading
from storage.deletion.renewal import Renewal
from storage.dicom.part10 import read_header
from storage.index.insert_instance import NewInstance, Outcome
from storage.index.tombstones import is_covered
from storage.volumes.deletion_counter import Generation
from storage.volumes.reader import VolumeReader
from storage.volumes.scan import Record

log = structlog.get_logger(__name__)


def renew_rows(engine: Engine, path: Path, records: Sequence[Record], reader: VolumeReader) -> int:
    """How many rows that name one of these records name a copy now.

    Raises StorageFull, StorageUnavailable.
    """
    count = 0
    generation = Generation(path.parent)
    try:
        renewal = Renewal(engine, path.parent, generation)
        for record, outcome in covered(engine, records):
            location, note = record.location, record.note
            try:
                header = read_header(reader.read(location, 0, location.length))
            except (InvalidInstance, LimitExceeded):
                log.error("volume_record_damaged", volume=path.name, offset=location.offset)
                continue
            new = NewInstance(
                header,
                location,
                record.digest,
                note.source,
                note.origin,
                note.received_at,
                note.generation,
            )
            renewal.after_row(new, outcome)
            count += 1
    finally:
        generation.close()
    if count:
        log.warning("covered_rows_renewed", volume=path.name, instances=count)
    return count


def covered(engine: Engine, records: Sequence[Record]) -> list[tuple[Record, Outcome]]:
    """Those that a row names although a deletion covers them, and what the row says of them."""
    by_place = {
        (record.media_storage_sop_instance_uid, record.location.volume, record.location.offset): (
            record
        )
        for record in records
        if record.note.kind == "instance"
    }
    uids = {uid for uid, *_ in by_place}
    with reading(engine) as connection:
        deleted = {
            uid
            for columns in (t.tombstone.c, t.discarded_content.c)
            for (uid,) in connection.execute(
                select(columns.sop_instance_uid)
                .where(columns.sop_instance_uid.in_(uids))
                .distinct()
            )
        }
        found: list[tuple[Record, Outcome]] = []
        places: tuple[tuple[Outcome, Table], ...] = (
            ("stored", t.instance),
            ("conflict", t.conflict),
        )
        for outcome, table in places if deleted else ():
            rows = connection.execute(
                select(
                    table.c.sop_instance_uid, table.c.volume, table.c.volume_offset, table.c.digest
                ).where(table.c.sop_instance_uid.in_(deleted))
            ).all()
            for uid, volume, offset, digest in rows:
                record = by_place.get((uid, volume, offset))
                if record is not None and is_covered(
                    connection, uid, record.note.generation, digest
                ):
                    found.append((record, outcome))
    return found
