"""Rebuild the index into an empty database, from the volumes alone or the bucket alone.

Of two instances with one UID the first received wins, as when they came; what
was deleted stays deleted. Work that was done on the studies (jobs, findings,
reports) is not in the volumes; their series are complete again, and pipelines
run again.
"""

import mmap
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

import structlog
from sqlalchemy import Engine, func, select

from storage import tables as t
from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest
from storage.db.engine import insert_or_ignore, make_engine, reading, writing
from storage.db.migrate import upgrade_schema
from storage.dicom.digests import proves
from storage.index.insert_instance import NewInstance, note_if_generated
from storage.maintenance.reindexing.conflicts import add_conflicts_of_bucket, header_of_record
from storage.maintenance.reindexing.known_deletions import KnownDeletions
from storage.maintenance.reindexing.objects import instance_of_object
from storage.maintenance.reindexing.rows import Rebuilt, add_batch, set_times
from storage.objects.filesystem import ObjectStore
from storage.objects.keys import DELETIONS, deletion_of_key, is_volume_key, without_folders
from storage.objects.local_copy import local_copy
from storage.settings import Settings
from storage.volumes.deletion_counter import Generation
from storage.volumes.files import translated_os_errors
from storage.volumes.scan import (
    Record,
    hides_records,
    is_unfinished,
    scan,
    torn_bytes,
    volumes_in,
)

log = structlog.get_logger(__name__)

Source = Literal["volumes", "bucket"]
_BATCH = 500


Tell = Callable[[int, int], None]
"""Called with how much is done of how much: bytes of volumes, or objects."""


def reindex(
    settings: Settings,
    source: Source,
    objects: ObjectStore | None = None,
    tell: Tell = lambda _done, _total: None,
) -> Rebuilt:
    """Fill an empty database from `source`; `objects` is the bucket, where that is it.

    The node must not run meanwhile. Raises InvalidRequest where the database
    holds instances already, StorageUnavailable.
    """
    if source == "volumes":
        return _rebuild(settings, settings.data_dir / "volumes", None, tell)
    if objects is None:
        raise InvalidRequest("No bucket is configured.", remedy="Set MEDIVIEW_OBJECT_STORE.")
    return _rebuild(settings, None, objects, tell)


def rebuild_from(
    settings: Settings, bucket: ObjectStore | None, tell: Tell = lambda _done, _total: None
) -> Rebuilt:
    """Fill an empty database from the volumes, and with what the bucket alone has.

    Raises as `reindex`.
    """
    return _rebuild(settings, settings.data_dir / "volumes", bucket, tell)


def _rebuild(
    settings: Settings, folder: Path | None, bucket: ObjectStore | None, tell: Tell
) -> Rebuilt:
    # It may have gone with the disk.
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    engine = make_engine(settings.resolved_database_url)
    try:
        upgrade_schema(engine)
        _check_empty(engine)
        rebuilt = Rebuilt()
        # Every tombstone before any record, and what was kept aside behind all that was not,
        # wherever either lies.
        deletions = KnownDeletions(engine)
        if bucket is not None:
            _note_tombstones_of_bucket(deletions, bucket, tell)
        if folder is not None:
            _note_tombstones_of_volumes(deletions, folder)
        if bucket is not None:
            rebuilt.refused += note_copied_deletions(deletions, bucket)
        kept_aside: list[Callable[[], object]] = []
        if folder is not None:
            kept_aside += _from_volumes(engine, folder, deletions, rebuilt, tell)
        if bucket is not None:
            kept_aside += _from_bucket(engine, bucket, deletions, rebuilt, tell)
        for add in kept_aside:
            add()
        if bucket is not None:
            add_conflicts_of_bucket(engine, bucket, deletions, rebuilt)
        set_times(engine)
        return rebuilt
    finally:
        engine.dispose()


def _check_empty(engine: Engine) -> None:
    with reading(engine) as connection:
        count = connection.execute(select(func.count()).select_from(t.instance)).scalar_one()
    if count:
        raise InvalidRequest(
            f"The database holds {count} instances; an index is rebuilt into an empty one.",
            remedy="Name an empty database in MEDIVIEW_DATABASE_URL"
            "; an index that is damaged is rebuilt by 'mediview storage repair'.",
        )


def _from_volumes(
    engine: Engine, folder: Path, deletions: KnownDeletions, rebuilt: Rebuilt, tell: Tell
) -> list[Callable[[], object]]:
    """Add what was not kept aside; each of what is returned adds what a volume has of the rest."""
    paths = [path for path in volumes_in(folder) if not is_unfinished(path)]
    total = sum(path.stat().st_size for path in paths)
    rest: list[Callable[[], object]] = []

    def add_rest(path: Path) -> None:
        with translated_os_errors(folder):
            _index_volume(engine, path, "", deletions, rebuilt, kept_aside=True)

    with translated_os_errors(folder):
        done = 0
        for path in paths:
            if _index_volume(engine, path, "", deletions, rebuilt):
                rest.append(partial(add_rest, path))
            done += path.stat().st_size
            tell(done, total)
    return rest


def _note_tombstones_of_volumes(deletions: KnownDeletions, folder: Path) -> None:
    with translated_os_errors(folder):
        for path in volumes_in(folder):
            if not is_unfinished(path):
                for record in _note_tombstones(deletions, path):
                    Generation(folder).ensure(record.note.generation)


def _note_tombstones_of_bucket(deletions: KnownDeletions, objects: ObjectStore, tell: Tell) -> None:
    volumes = _volumes_of(objects)
    for done, key in enumerate(volumes, 1):
        with local_copy(objects, key) as path:
            if not is_unfinished(path):
                for _ in _note_tombstones(deletions, path):
                    pass
        tell(done, 2 * len(volumes))


def note_copied_deletions(deletions: KnownDeletions, objects: ObjectStore) -> int:
    """Note in the index what the bucket knows of deletions; how many copies are damaged."""
    damaged = 0
    for key in without_folders(objects.list(DELETIONS)):
        if deletion_of_key(key) is None:
            log.error("copied_deletion_misnamed")
            damaged += 1
            continue
        with local_copy(objects, key) as path:
            if not list(_note_tombstones(deletions, path, are_copies=True)):
                log.error("copied_deletion_damaged", key=key)
                damaged += 1
    return damaged


def _from_bucket(
    engine: Engine, objects: ObjectStore, deletions: KnownDeletions, rebuilt: Rebuilt, tell: Tell
) -> list[Callable[[], object]]:
    """As `_from_volumes`, with the objects of single instances; tombstones are noted before."""
    volumes = _volumes_of(objects)
    # As they came: of two patients under one study UID the first is the study's.
    keys = sorted(
        (at, key) for key, at in objects.list_with_times("dicom/") if not key.endswith("/")
    )
    total = 2 * len(volumes) + len(keys)
    done = len(volumes)
    rest: list[Callable[[], object]] = []

    def add_rest(key: str) -> None:
        with local_copy(objects, key) as path:
            _index_volume(engine, path, key, deletions, rebuilt, kept_aside=True)

    for key in volumes:
        with local_copy(objects, key) as path:
            if is_unfinished(path):
                log.error("volume_unreadable", size_bytes=path.stat().st_size)
                rebuilt.refused += 1
            elif _index_volume(engine, path, key, deletions, rebuilt):
                rest.append(partial(add_rest, key))
        done += 1
        tell(done, total)
    batch: list[NewInstance] = []
    for at, key in keys:
        new = instance_of_object(engine, objects, key, at)
        if new is None:
            rebuilt.refused += 1
        else:
            batch.append(new)
        if len(batch) >= _BATCH:
            # What a volume has of an instance says more: when it came, and by which way.
            add_batch(engine, batch, rebuilt, are_later=True)
            batch = []
        done += 1
        tell(done, total)
    add_batch(engine, batch, rebuilt, are_later=True)
    return rest


def _volumes_of(objects: ObjectStore) -> list[str]:
    """Without what others put beside them."""
    return [key for key in without_folders(objects.list("volumes/")) if is_volume_key(key)]


def _note_tombstones(
    deletions: KnownDeletions, path: Path, *, are_copies: bool = False
) -> Iterator[Record]:
    """Those that are whole."""
    for record in scan(path, mends=True):
        if record.note.kind != "tombstone":
            continue
        with path.open("rb") as file:
            file.seek(record.location.offset)
            payload = file.read(record.location.length)
        if not proves(record.digest, payload):
            log.error("volume_record_damaged", volume=path.name, offset=record.location.offset)
            continue
        deletions.note(record, payload, is_copy=are_copies)
        yield record


def _index_volume(
    engine: Engine,
    path: Path,
    key: str,
    deletions: KnownDeletions,
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
            if len(batch) >= _BATCH:
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
