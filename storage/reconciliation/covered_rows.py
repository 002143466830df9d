"""Rows whose record is covered by a deletion that came before the row: they get another record.

The receiving path leaves none (`storage.deletion.renewal`), unless its process is killed between
the row and its last look. Versions before that look left some.
"""

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import structlog
from sqlalchemy import Engine, select
from sqlalchemy.schema import Table

from storage import tables as t
from storage.core.errors import InvalidInstance, LimitExceeded, MediViewError, NotFound
from storage.db.engine import reading
from storage.deletion.renewal import Renewal
from storage.dicom.part10 import read_header
from storage.index.insert_instance import NewInstance, Outcome
from storage.index.repository import Index
from storage.index.tombstones import is_covered
from storage.integrity.repository import DamagedInstances
from storage.volumes.deletion_counter import Generation
from storage.volumes.files import translated_os_errors
from storage.volumes.reader import VolumeReader
from storage.volumes.scan import Record, verify

log = structlog.get_logger(__name__)


def renew_rows(engine: Engine, path: Path, records: Sequence[Record], reader: VolumeReader) -> int:
    """How many rows that name one of these records name a copy now.

    They were acknowledged, so each stays as it is where that fails. Damaged ones are noted, and
    repaired as others are. Raises StorageFull, StorageUnavailable, once all were tried, where
    another try may do.
    """
    count = 0
    failed: MediViewError | None = None
    generation = Generation(path.parent)
    try:
        renewal = Renewal(engine, path.parent, generation)
        for record, outcome in covered(engine, records):
            location = record.location
            try:
                if not _is_whole(engine, path, record):
                    log.error("volume_record_damaged", volume=path.name, offset=location.offset)
                    continue
                header = read_header(reader.read(location, 0, location.length))
                new = NewInstance.of_note(header, location, record.digest, record.note)
                count += renewal.renew(new, outcome)
            except (InvalidInstance, LimitExceeded):
                log.error("volume_record_damaged", volume=path.name, offset=location.offset)
            except MediViewError as error:
                failed = error
                log.error(
                    "covered_row_not_renewed",
                    volume=path.name,
                    offset=location.offset,
                    error=error.message,
                    remedy=error.remedy,
                )
    finally:
        generation.close()
    if count:
        log.warning("covered_rows_renewed", volume=path.name, instances=count)
    if failed is not None:
        raise failed
    return count


def _is_whole(engine: Engine, path: Path, record: Record) -> bool:
    """Whether its bytes are those that arrived; where not, that is noted."""
    with translated_os_errors(path.parent):
        if verify(path, record):
            return True
    with suppress(NotFound):
        instance = Index(engine).instance(record.media_storage_sop_instance_uid)
        if (instance.location.volume, instance.location.offset) == (
            record.location.volume,
            record.location.offset,
        ):
            has_copy = bool(instance.location.object_key)
            DamagedInstances(engine).note(instance, "damaged", has_copy=has_copy)
    return False


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
