"""Copy what of a volume is alive to the open one, durable before a row is moved."""

import mmap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Engine, select, update
from sqlalchemy.schema import Table

from storage import tables as t
from storage.core.entities import Location
from storage.db.engine import reading, writing
from storage.index.moved_instances import not_copied_from_here
from storage.maintenance.retired_volumes import retire
from storage.reconciliation.reconcile import bury_again, is_reconciled, reconcile_volume
from storage.reconciliation.refused_rows import refused_rows
from storage.volumes.files import translated_os_errors
from storage.volumes.reader import VolumeReader
from storage.volumes.records import ToAppend
from storage.volumes.scan import (
    Record,
    hides_records,
    scan,
    torn_bytes,
    verify,
)
from storage.volumes.writer import VolumeWriter

log = structlog.get_logger(__name__)

_BATCH_BYTES = 32 << 20
_BATCH_RECORDS = 500


def rewrite(
    engine: Engine, volumes: VolumeWriter, path: Path, reader: VolumeReader, now: datetime
) -> int | None:
    """Move what is alive, then retire the volume; the bytes moved, None where it must stay."""
    bury_again(engine, path, reader)
    reconcile_volume(engine, path, reader)
    refused = refused_rows(engine, path.name)
    if refused or not is_reconciled(engine, path):
        # Records without a row would be left behind.
        log.warning("volume_not_compacted", volume=path.name, refused=len(refused))
        return None
    records = list(scan(path))
    end = records[-1].location.offset + records[-1].location.length if records else 0
    wanted = _rows_in(engine, path.name)
    lost = wanted.keys() - {record.location.offset for record in records}
    if lost:
        # A row whose record cannot be read any more needs a person: `mediview storage verify`.
        log.error("volume_not_compacted", volume=path.name, damaged=len(lost))
        return None
    if torn := torn_bytes(path, end):
        log.warning("volume_tail_torn", volume=path.name, torn_bytes=torn)
        mended = list(scan(path, mends=True))
        if len(mended) > len(records) or hides_records(path, end):
            # A deletion may be among what is hidden, and has no row.
            log.error("volume_not_compacted", volume=path.name, hidden_behind=end)
            return None
    alive = [
        record
        for record in records
        if record.note.kind == "tombstone" or record.location.offset in wanted
    ]
    if records and all(record.note.kind == "tombstone" for record in records):
        return None  # nothing to gain
    damaged = sum(not verify(path, record) for record in alive)
    if damaged:
        log.error("volume_not_compacted", volume=path.name, damaged=damaged)
        return None
    with _mapped(path) as view:
        for batch in _batches(alive):
            locations = volumes.append_records(
                _copy(view, record, is_aside=_is_aside(wanted, record)) for record in batch
            )
            _move_rows(engine, batch, locations, wanted)
    retire(engine, path.name, now)
    moved_bytes = sum(record.location.length for record in alive)
    log.info("volume_compacted", volume=path.name, moved=len(alive), moved_bytes=moved_bytes)
    return moved_bytes


def carry_tombstones(volumes: VolumeWriter, path: Path) -> None:
    """Copy a volume's tombstones to the open one, so that the file may go."""
    tombstones = [one for one in scan(path, mends=True) if one.note.kind == "tombstone"]
    if tombstones:
        with _mapped(path) as view:
            volumes.append_records([_copy(view, record, is_aside=False) for record in tombstones])


def _rows_in(engine: Engine, name: str) -> dict[int, list[tuple[Table, int]]]:
    """The rows that refer to a volume, by offset."""
    found: dict[int, list[tuple[Table, int]]] = {}
    with reading(engine) as connection:
        for table in (t.instance, t.conflict):
            for row_id, offset in connection.execute(
                select(table.c.id, table.c.volume_offset).where(table.c.volume == name)
            ):
                found.setdefault(offset, []).append((table, row_id))
    return found


def _move_rows(
    engine: Engine,
    records: Sequence[Record],
    locations: Sequence[Location],
    rows: dict[int, list[tuple[Table, int]]],
) -> None:
    with writing(engine) as connection:
        for record, after in zip(records, locations, strict=True):
            before = record.location
            for table, row_id in rows.get(before.offset, ()):
                values: dict[str, Any] = {"volume": after.volume, "volume_offset": after.offset}
                if table is t.instance:
                    values |= not_copied_from_here()
                connection.execute(
                    # Unless it was deleted meanwhile.
                    update(table)
                    .where(
                        table.c.id == row_id,
                        table.c.volume == before.volume,
                        table.c.volume_offset == before.offset,
                    )
                    .values(**values)
                )


@contextmanager
def _mapped(path: Path) -> Iterator[memoryview]:
    with (
        translated_os_errors(path.parent),
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped,
        memoryview(mapped) as view,
    ):
        yield view


def _is_aside(rows: dict[int, list[tuple[Table, int]]], record: Record) -> bool:
    """As the index has it, since the copy lies behind records that came later."""
    return {table for table, _ in rows.get(record.location.offset, ())} == {t.conflict}


def _copy(view: memoryview, record: Record, *, is_aside: bool) -> ToAppend:
    start = record.location.offset
    payload = bytes(view[start : start + record.location.length])
    note = replace(record.note, is_aside=is_aside)
    return ToAppend(note, payload, record.dataset_offset, bytes.fromhex(record.digest))


def _batches(records: Sequence[Record]) -> Iterator[list[Record]]:
    batch: list[Record] = []
    size = 0
    for record in records:
        batch.append(record)
        size += record.location.length
        if size >= _BATCH_BYTES or len(batch) >= _BATCH_RECORDS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch
