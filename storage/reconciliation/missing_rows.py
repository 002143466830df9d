"""Which records of volumes have no rows, and the first of each series among them."""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

import structlog
from sqlalchemy import Engine, select

from storage import tables as t
from storage.core.errors import InvalidInstance, LimitExceeded
from storage.db.engine import reading
from storage.dicom.part10 import Header, read_header
from storage.index.insert_instance import NewInstance, find_known
from storage.index.tombstones import is_covered
from storage.reconciliation.first_received import Candidate, FirstOfSeries, with_headers
from storage.reconciliation.refused_rows import insert_or_note, refused_rows
from storage.volumes.reader import VolumeReader
from storage.volumes.scan import Record, batched, scan, verify

LOOKED_UP_TOGETHER = 500

log = structlog.get_logger(__name__)


def index_firsts(engine: Engine, paths: Sequence[Path], reader: VolumeReader) -> Counter[str]:
    """Of each series what came first, in whichever volume it lies; how many rows each got."""
    firsts = FirstOfSeries()
    for path in paths:
        with suppress(FileNotFoundError):
            for portion in batched(scan(path, mends=True), LOOKED_UP_TOGETHER):
                missing = [one for one in not_indexed(engine, portion) if not one.note.is_aside]
                for record, header in with_headers(path, missing):
                    firsts.offer(
                        (header.study_instance_uid, header.series_instance_uid),
                        Candidate(
                            (path.name, record.location.offset, ""),
                            record.note.received_at,
                            partial(without_row, engine, path, record, reader),
                        ),
                        partial(_is_deleted, engine, header, record),
                    )
    return Counter(
        volume for (volume, _, _), new in firsts.loaded() if insert_or_note(engine, new) == "stored"
    )


def not_indexed(engine: Engine, records: Sequence[Record]) -> list[Record]:
    """Those of whose data set the index doesn't know already, by a look at the file meta alone.

    Its UID may be another than the data set's. Then the digests differ, and the
    record is looked at.
    """
    instances = [record for record in records if record.note.kind == "instance"]
    uids = {record.media_storage_sop_instance_uid for record in instances}
    with reading(engine) as connection:
        rows = connection.execute(
            select(t.instance.c.sop_instance_uid, t.instance.c.digest).where(
                t.instance.c.sop_instance_uid.in_(uids)
            )
        )
        known = {(row.sop_instance_uid, row.digest) for row in rows}
    return [
        record
        for record in instances
        if (record.media_storage_sop_instance_uid, record.digest) not in known
    ]


def without_row(
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
    if known == record.digest or _is_deleted(engine, header, record):
        return None
    if not verify(path, record):
        log.error("volume_record_damaged", volume=path.name, offset=record.location.offset)
        return None
    return NewInstance.of_note(header, record.location, record.digest, record.note)


def _is_deleted(engine: Engine, header: Header, record: Record) -> bool:
    with reading(engine) as connection:
        return is_covered(
            connection, header.sop_instance_uid, record.note.generation, record.digest
        )


def count_without_row(engine: Engine, path: Path) -> int:
    """How many records of a volume neither have a row nor were deleted, by their file meta alone.

    `reconcile` looks at those more closely. Without those whose rows the database refused.
    """
    count = 0
    refused = {one.offset for one in refused_rows(engine, path.name)}
    for portion in batched(scan(path, mends=True), LOOKED_UP_TOGETHER):
        found = not_indexed(engine, portion)
        missing = [record for record in found if record.location.offset not in refused]
        with reading(engine) as connection:
            aside = {
                tuple(row)
                for row in connection.execute(
                    select(t.conflict.c.sop_instance_uid, t.conflict.c.digest)
                )
            }
            count += sum(
                (record.media_storage_sop_instance_uid, record.digest) not in aside
                and not is_covered(
                    connection,
                    record.media_storage_sop_instance_uid,
                    record.note.generation,
                    record.digest,
                )
                for record in missing
            )
    return count
