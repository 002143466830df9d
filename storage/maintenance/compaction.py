"""Give back the disk space of what was deleted: rewrite volumes that are mostly dead.

Each record that something refers to is copied to the open volume and durable
there before its row is moved; then the old file is retired, and removed after a
grace time. Killed at any moment, it leaves rows that point to whole records
and at worst a copy that the next round finds dead.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from pathlib import Path

import structlog
from sqlalchemy import Engine, func, select

from storage import tables as t
from storage.db.engine import reading
from storage.maintenance.retired_volumes import is_retired, remove_retired
from storage.maintenance.volume_rewriting import rewrite
from storage.objects.store import ObjectStore
from storage.volumes.files import translated_os_errors
from storage.volumes.reader import VolumeReader
from storage.volumes.scan import (
    is_being_written,
    is_unfinished,
    volumes_in,
)
from storage.volumes.writer import VolumeWriter

log = structlog.get_logger(__name__)

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
    short_below_bytes: int = 0,
) -> Compacted:
    """Rewrite every sealed volume of which at least `dead_ratio` is dead, as far as there is room.

    Those with least to copy come first. A volume is rewritten only where its copy leaves a part of
    the free-disk mark, which the index needs; and below the mark, or `short_below_bytes`, the old
    files go at once instead of after their grace time, so that a full disk gets emptier from the
    first volume on. Readers that know an old place look the new one up.

    One process at a time: callers hold the housekeeping lock (`storage.db.locks`). `bucket`
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
            moved_bytes = rewrite(engine, volumes, use.path, reader, now)
            # A file frees its disk once nobody has it open.
            reader.close()
            if moved_bytes is None:
                continue
            count += 1
            freed += use.size_bytes - moved_bytes
            if volumes.free_bytes() < max(volumes.free_disk_mark_bytes, short_below_bytes):
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
