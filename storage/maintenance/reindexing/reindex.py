"""Rebuild the index into an empty database, from the volumes alone or the bucket alone.

Of two instances with one UID the first received wins, as when they came; what
was deleted stays deleted. Work that was done on the studies (jobs, findings,
reports) is not in the volumes; their series are complete again, and pipelines
run again.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Literal

import structlog
from sqlalchemy import Engine, func, select

from storage import tables as t
from storage.core.errors import InvalidRequest
from storage.db.engine import make_engine, reading
from storage.db.migrate import upgrade_schema
from storage.dicom.digests import proves
from storage.index.insert_instance import NewInstance
from storage.maintenance.reindexing.conflicts import add_conflicts_of_bucket
from storage.maintenance.reindexing.firsts import offer_bucket, offer_volumes
from storage.maintenance.reindexing.known_deletions import KnownDeletions
from storage.maintenance.reindexing.objects import instance_of_object
from storage.maintenance.reindexing.rows import BATCH, Rebuilt, add_batch, set_times
from storage.maintenance.reindexing.volume_records import index_volume
from storage.objects.keys import DELETIONS, deletion_of_key, is_volume_key, without_folders
from storage.objects.local_copy import local_copy
from storage.objects.store import ObjectStore, Stored
from storage.reconciliation.first_received import FirstOfSeries, Place
from storage.settings import Settings
from storage.volumes.deletion_counter import Generation
from storage.volumes.files import translated_os_errors
from storage.volumes.scan import (
    Record,
    batched,
    is_unfinished,
    scan,
    volumes_in,
)

log = structlog.get_logger(__name__)

Source = Literal["volumes", "bucket"]
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
        # Before all others what came first of each series, wherever it lies: it makes the rows of
        # study and series.
        objects = [] if bucket is None else _objects_of(bucket)
        firsts = FirstOfSeries()
        if folder is not None:
            offer_volumes(firsts, folder, deletions)
        if bucket is not None:
            offer_bucket(firsts, engine, bucket, _volumes_of(bucket), objects, deletions)
        added = _add_firsts(engine, firsts, rebuilt)
        kept_aside: list[Callable[[], object]] = []
        if folder is not None:
            kept_aside += _from_volumes(engine, folder, deletions, added, rebuilt, tell)
        if bucket is not None:
            kept_aside += _from_bucket(engine, bucket, objects, deletions, added, rebuilt, tell)
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


def _add_firsts(engine: Engine, firsts: FirstOfSeries, rebuilt: Rebuilt) -> frozenset[Place]:
    """Where those lie that were added."""
    added: set[Place] = set()
    for batch in batched(firsts.loaded(), BATCH):
        add_batch(engine, [new for _, new in batch], rebuilt, are_later=True)
        added.update(place for place, _ in batch)
    return frozenset(added)


def _from_volumes(
    engine: Engine,
    folder: Path,
    deletions: KnownDeletions,
    added: frozenset[Place],
    rebuilt: Rebuilt,
    tell: Tell,
) -> list[Callable[[], object]]:
    """Add what was not kept aside; each of what is returned adds what a volume has of the rest."""
    paths = [path for path in volumes_in(folder) if not is_unfinished(path)]
    total = sum(path.stat().st_size for path in paths)
    rest: list[Callable[[], object]] = []

    def add_rest(path: Path) -> None:
        with translated_os_errors(folder):
            index_volume(engine, path, "", deletions, added, rebuilt, kept_aside=True)

    with translated_os_errors(folder):
        done = 0
        for path in paths:
            if index_volume(engine, path, "", deletions, added, rebuilt):
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


def _objects_of(bucket: ObjectStore) -> list[Stored]:
    """Those of single instances, as these came: of two contents of one UID the first stays."""
    found = (one for one in bucket.list_with_notes("dicom/") if not one.key.endswith("/"))
    return sorted(found, key=lambda one: (one.received_at, one.key))


def _from_bucket(
    engine: Engine,
    objects: ObjectStore,
    single: Sequence[Stored],
    deletions: KnownDeletions,
    added: frozenset[Place],
    rebuilt: Rebuilt,
    tell: Tell,
) -> list[Callable[[], object]]:
    """As `_from_volumes`, with the objects of single instances; tombstones are noted before."""
    volumes = _volumes_of(objects)
    total = 2 * len(volumes) + len(single)
    done = len(volumes)
    rest: list[Callable[[], object]] = []

    def add_rest(key: str) -> None:
        with local_copy(objects, key) as path:
            index_volume(engine, path, key, deletions, added, rebuilt, kept_aside=True)

    for key in volumes:
        with local_copy(objects, key) as path:
            if is_unfinished(path):
                log.error("volume_unreadable", size_bytes=path.stat().st_size)
                rebuilt.refused += 1
            elif index_volume(engine, path, key, deletions, added, rebuilt):
                rest.append(partial(add_rest, key))
        done += 1
        tell(done, total)
    batch: list[NewInstance] = []
    for one in single:
        if ("", 0, one.key) not in added:
            new = instance_of_object(engine, objects, one)
            if new is None:
                rebuilt.refused += 1
            else:
                batch.append(new)
        if len(batch) >= BATCH:
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
