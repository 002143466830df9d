"""With S3 the local volumes are a cache: drop the oldest beyond a limit."""

import os
import shutil
from contextlib import suppress
from pathlib import Path

import structlog
from sqlalchemy import Engine, func, select

from storage import tables as t
from storage.db.engine import reading
from storage.maintenance.retired_volumes import is_retired, settle_rows
from storage.maintenance.volume_rewriting import carry_tombstones
from storage.objects.keys import volume_key
from storage.objects.store import ObjectStore
from storage.reconciliation.reconcile import bury_again, is_reconciled, reconcile_volume
from storage.reconciliation.refused_rows import refused_rows
from storage.volumes.durable_names import sync_folder
from storage.volumes.files import translated_os_errors
from storage.volumes.reader import VolumeReader
from storage.volumes.scan import is_being_written, is_unfinished, scan, volume_sizes, volumes_in
from storage.volumes.writer import VolumeWriter

log = structlog.get_logger(__name__)


def limit_cache(engine: Engine, volumes: VolumeWriter, cache_bytes: int) -> list[str]:
    """Drop the oldest sealed volumes until `cache_bytes` remain; the names of those dropped.

    A volume goes only when every instance in it is in the bucket and no
    conflict in it waits for a decision. One stays, too, of which a row waits for
    another record. Callers hold `storage.db.locks`'s housekeeping lock.
    Raises StorageUnavailable.
    """
    sizes = {volumes.folder / name: size for name, size in volume_sizes(volumes.folder).items()}
    surplus = sum(sizes.values()) - cache_bytes
    if surplus <= 0:
        return []
    needed = _needed_here(engine)
    dropped = []
    reader = VolumeReader(volumes.folder)
    try:
        # Names begin with the time at which the volume was begun.
        for path, size in sorted(sizes.items()):
            if surplus <= 0:
                break
            if (
                path.name in needed
                or is_retired(engine, path.name)
                or is_being_written(path)
                or is_unfinished(path)
                or all(record.note.kind == "tombstone" for record in scan(path))
            ):
                continue
            bury_again(engine, path, reader)
            if (
                reconcile_volume(engine, path, reader)
                or not is_reconciled(engine, path)
                or path.name in _needed_here(engine)
                or refused_rows(engine, path.name)
            ):
                continue
            carry_tombstones(volumes, path)
            settle_rows(engine, [path.name])
            # Readers go on from the bucket.
            with translated_os_errors(path.parent):
                path.unlink()
            dropped.append(path.name)
            surplus -= size
    finally:
        reader.close()
    if dropped:
        log.info("cache_limited", volumes=len(dropped))
    return dropped


def _needed_here(engine: Engine) -> set[str]:
    """Volumes that hold what no bucket has."""
    with reading(engine) as connection:
        names = set(
            connection.execute(
                select(t.instance.c.volume).where(t.NOT_UPLOADED).distinct()
            ).scalars()
        )
        # Of a damaged object the volume may have the right bytes.
        for volume in (t.conflict.c.volume, t.damaged_instance.c.volume):
            names |= set(connection.execute(select(volume).distinct()).scalars())
        return names


def fetch_due(engine: Engine, volumes: VolumeWriter, bucket: ObjectStore, dead_ratio: float) -> int:
    """Bring volumes back that are in the bucket alone: mostly dead, or not looked at yet.

    The former are compacted then. Of the latter some rows need another record, since a legal
    hold kept them from a deletion (`storage.deletion.service`). None is fetched that the free-disk
    mark leaves no room for. Returns how many. Raises StorageUnavailable, StorageFull.
    """
    with reading(engine) as connection:
        rows = connection.execute(
            select(t.instance.c.volume, func.sum(t.instance.c.size_bytes))
            .where(t.instance.c.object_key != "")
            .group_by(t.instance.c.volume)
        )
        live = {name: int(size_bytes) for name, size_bytes in rows if name}
        known = {row.name: row for row in connection.execute(select(t.volume))}
    due = set(live) - set(known)
    for name, row in known.items():
        if row.retired_at is None and live.get(name, 0) <= (1 - dead_ratio) * row.size_bytes:
            due.add(name)
    due -= {path.name for path in volumes_in(volumes.folder)}
    fetched = 0
    for name in sorted(due):
        key = volume_key(name)
        if not bucket.exists(key):
            continue
        room_bytes = volumes.free_bytes() - volumes.free_disk_mark_bytes
        if bucket.size(key) > room_bytes:
            log.warning("volume_not_fetched", volume=name, room_bytes=max(room_bytes, 0))
            continue
        _fetch(volumes.folder, bucket, name)
        fetched += 1
    return fetched


def _fetch(folder: Path, bucket: ObjectStore, name: str) -> None:
    temporary = folder / f".{name}.part"
    try:
        with translated_os_errors(folder), bucket.open(volume_key(name)) as source:
            with temporary.open("wb") as file:
                shutil.copyfileobj(source, file, 1 << 20)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(folder / name)
            sync_folder(folder)
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
