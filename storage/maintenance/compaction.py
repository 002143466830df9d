"""Give back the disk space of what was deleted: rewrite volumes that are mostly dead.

Each record that something refers to is copied to the open volume and durable
there before its row is moved; then the old file is retired, and removed after a
grace time. Killed at any moment, it leaves rows that point to whole records
and at worst a copy that the next round finds dead.
"""

import mmap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from operator import attrgetter
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Engine, case, func, select, update
from sqlalchemy.schema import Table

from storage import tables as t
from storage.core.clock import utcnow
from storage.core.entities import Location
from storage.db.engine import reading, writing
from storage.db.portions import in_portions
from storage.objects.filesystem import ObjectStore
from storage.objects.keys import volume_key
from storage.reconciliation.reconcile import bury_again, reconcile_volume
from storage.volumes.files import SUFFIX, translated_os_errors
from storage.volumes.reader import VolumeReader
from storage.volumes.records import ToAppend
from storage.volumes.scan import (
    Record,
    is_being_written,
    is_unfinished,
    scan,
    torn_bytes,
    verify,
    volumes_in,
)
from storage.volumes.writer import VolumeWriter

log = structlog.get_logger(__name__)

_BATCH_BYTES = 32 << 20
_BATCH_RECORDS = 500
# Nobody gains from a rewrite of so little.
_DEAD_LEAST_BYTES = 64 * 1024
# Compaction may use what the free-disk mark holds back, but for this part: the index and the log
# must be written meanwhile.
_KEPT_OF_MARK = 4


@dataclass(frozen=True)
class VolumeUse:
    path: Path
    size_bytes: int
    live_bytes: int

    @property
    def dead_ratio(self) -> float:
        return 1 - min(self.live_bytes / self.size_bytes, 1) if self.size_bytes else 1.0


@dataclass(frozen=True)
class Compacted:
    volumes: int
    freed_bytes: int


def volume_uses(engine: Engine, folder: Path) -> list[VolumeUse]:
    """How much of each local volume something refers to; headers of records count as dead."""
    live: dict[str, int] = {}
    with reading(engine) as connection:
        for table in (t.instance, t.conflict):
            for name, size_bytes in connection.execute(
                select(table.c.volume, func.sum(table.c.size_bytes)).group_by(table.c.volume)
            ):
                live[name] = live.get(name, 0) + int(size_bytes)
    uses = []
    for path in volumes_in(folder):
        with translated_os_errors(folder):
            uses.append(VolumeUse(path, path.stat().st_size, live.get(path.name, 0)))
    return uses


def compact(
    engine: Engine,
    volumes: VolumeWriter,
    dead_ratio: float,
    now: datetime,
    bucket: ObjectStore | None = None,
) -> Compacted:
    """Rewrite every sealed volume of which at least `dead_ratio` is dead, as far as there is room.

    Those with least to copy come first. A volume is rewritten only where its copy leaves a part of
    the free-disk mark, which the index needs; and below the mark the old files go at once instead
    of after their grace time, so that a full disk gets emptier from the first volume on. Readers
    that know an old place look the new one up.

    One process at a time: callers hold the housekeeping lock (`storage.db.advisory_lock`). `bucket`
    is where copies of whole volumes are. Raises StorageFull, StorageUnavailable; what was done
    until then stays done.
    """
    count = freed = 0
    reader = VolumeReader(volumes.folder)
    try:
        due = _due(engine, volumes.folder, dead_ratio)
        for use in sorted(due, key=attrgetter("live_bytes")):
            room_bytes = volumes.free_bytes() - volumes.free_disk_mark_bytes // _KEPT_OF_MARK
            if use.live_bytes > room_bytes:
                log.warning(
                    "compaction_needs_room",
                    volume=use.path.name,
                    needed_bytes=use.live_bytes,
                    room_bytes=max(room_bytes, 0),
                )
                break
            moved_bytes = _rewrite(engine, volumes, use.path, reader, now)
            # A file frees its disk once nobody has it open.
            reader.close()
            if moved_bytes is None:
                continue
            count += 1
            freed += use.size_bytes - moved_bytes
            if volumes.free_bytes() < volumes.free_disk_mark_bytes:
                remove_retired(engine, volumes.folder, 0, now, bucket)
    finally:
        reader.close()
    return Compacted(count, freed)


def _due(engine: Engine, folder: Path, dead_ratio: float) -> Iterator[VolumeUse]:
    for use in volume_uses(engine, folder):
        if not (
            use.dead_ratio < dead_ratio
            or use.size_bytes - use.live_bytes < min(_DEAD_LEAST_BYTES, use.size_bytes)
            or is_retired(engine, use.path.name)
            or is_being_written(use.path)
            or is_unfinished(use.path)
        ):
            yield use


def reclaimable_bytes(engine: Engine, folder: Path, dead_ratio: float) -> int:
    """What compaction at that ratio, and the removal of retired volumes, will give free."""
    uses = {use.path: use for use in _due(engine, folder, dead_ratio)}
    retired = (use for use in volume_uses(engine, folder) if is_retired(engine, use.path.name))
    uses.update((use.path, use) for use in retired)
    return sum(use.size_bytes - use.live_bytes for use in uses.values())


def remove_retired(
    engine: Engine, folder: Path, grace_s: float, now: datetime, bucket: ObjectStore | None = None
) -> int:
    """Remove volumes that were retired before the grace time, and their copies in a bucket.

    Returns how many. Raises StorageUnavailable.
    """
    with reading(engine) as connection:
        rows = connection.execute(
            select(t.volume.c.name, t.volume.c.retired_at).where(t.volume.c.retired_at.is_not(None))
        )
        retired = {row.name: row.retired_at for row in rows}
    # A clock that was set back must not keep them for ever.
    grace = timedelta(seconds=grace_s)
    due = [
        path
        for path in volumes_in(folder)
        if path.name in retired and not timedelta() <= now - retired[path.name] < grace
    ]
    if not due:
        return 0
    settle_rows(engine, [path.name for path in due])
    still_used = _referred_to(engine, [path.name for path in due])
    for path in due:
        if path.name in still_used:
            log.error("retired_volume_still_used", volume=path.name)
            continue
        # Its copy in the bucket first: the file is what finds it again.
        if bucket is not None:
            bucket.delete(volume_key(path.name))
        with translated_os_errors(folder):
            path.unlink()
        log.info("volume_removed", volume=path.name)
    return len(due) - len(still_used)


def settle_rows(engine: Engine, names: Sequence[str]) -> None:
    """Make what the rows say now outlast a power cut, before these volumes go."""
    with writing(engine) as connection:
        for portion in in_portions(names):
            connection.execute(
                update(t.volume).where(t.volume.c.name.in_(portion)).values(reconciled_at=utcnow())
            )


def carry_tombstones(volumes: VolumeWriter, path: Path) -> None:
    """Copy a volume's tombstones to the open one, so that the file may go."""
    tombstones = [record for record in scan(path) if record.note.kind == "tombstone"]
    if tombstones:
        with _mapped(path) as view:
            volumes.append_records([_copy(view, record) for record in tombstones])


def retire(engine: Engine, name: str, now: datetime) -> None:
    with writing(engine) as connection:
        connection.execute(update(t.volume).where(t.volume.c.name == name).values(retired_at=now))


def is_retired(engine: Engine, name: str) -> bool:
    with reading(engine) as connection:
        at = connection.execute(
            select(t.volume.c.retired_at).where(t.volume.c.name == name)
        ).scalar()
    return at is not None


def _rewrite(
    engine: Engine, volumes: VolumeWriter, path: Path, reader: VolumeReader, now: datetime
) -> int | None:
    """Move what is alive, then retire the volume; the bytes moved, None where it must stay."""
    bury_again(engine, path, reader)
    reconcile_volume(engine, path, reader)
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
            locations = volumes.append_records(_copy(view, record) for record in batch)
            _move_rows(engine, batch, locations, wanted)
    retire(engine, path.name, now)
    moved_bytes = sum(record.location.length for record in alive)
    log.info("volume_compacted", volume=path.name, moved=len(alive), moved_bytes=moved_bytes)
    return moved_bytes


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
                    # The copy is in no object yet, where objects are whole volumes.
                    whole = t.instance.c.object_key.endswith(SUFFIX)
                    values["object_key"] = case((whole, ""), else_=t.instance.c.object_key)
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


def _referred_to(engine: Engine, names: Sequence[str]) -> set[str]:
    found: set[str] = set()
    with reading(engine) as connection:
        for table in (t.instance, t.conflict):
            for portion in in_portions(names):
                found.update(
                    connection.execute(
                        select(table.c.volume).where(table.c.volume.in_(portion)).distinct()
                    ).scalars()
                )
    return found


@contextmanager
def _mapped(path: Path) -> Iterator[memoryview]:
    with (
        translated_os_errors(path.parent),
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped,
        memoryview(mapped) as view,
    ):
        yield view


def _copy(view: memoryview, record: Record) -> ToAppend:
    start = record.location.offset
    payload = bytes(view[start : start + record.location.length])
    return ToAppend(record.note, payload, record.dataset_offset, bytes.fromhex(record.digest))


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
