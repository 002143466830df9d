"""Rebuild the index into an empty database, from the volumes alone or the bucket alone.

Of two instances with one UID the first received wins, as when they came; what
was deleted stays deleted. Work that was done on the studies (jobs, findings,
reports) is not in the volumes; their series are complete again, and pipelines
run again.
"""

import mmap
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Literal

import structlog
from sqlalchemy import Engine, delete, func, select

from storage import tables as t
from storage.core.clock import utcnow
from storage.core.entities import Location
from storage.core.errors import InvalidInstance, InvalidRequest, LimitExceeded
from storage.db.engine import insert_or_ignore, make_engine, reading, writing
from storage.db.migrate import upgrade_schema
from storage.deletion.copies_in_bucket import is_object_of_deleted
from storage.dicom.digests import digest_like, proves
from storage.dicom.part10 import Header, read_header
from storage.index.insert_instance import NewInstance, find_known, note_if_generated
from storage.index.tombstones import Tombstone, is_covered, note_tombstone, want_purged
from storage.maintenance.reindex_rows import Rebuilt, add_batch, set_times
from storage.objects.filesystem import ObjectStore
from storage.objects.keys import DELETIONS
from storage.settings import Settings
from storage.volumes.deletion_counter import Generation
from storage.volumes.files import translated_os_errors
from storage.volumes.scan import Record, is_unfinished, scan, volumes_in

log = structlog.get_logger(__name__)

Source = Literal["volumes", "bucket"]
_BATCH = 500
_IN_MEMORY_BYTES = 32 << 20


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
    engine = make_engine(settings.resolved_database_url)
    try:
        upgrade_schema(engine)
        _check_empty(engine)
        rebuilt = Rebuilt()
        # Every tombstone before any record, and what was kept aside behind all that was not,
        # wherever either lies.
        if bucket is not None:
            _note_tombstones_of_bucket(engine, bucket, tell)
        kept_aside: list[Callable[[], object]] = []
        if folder is not None:
            kept_aside += _from_volumes(engine, folder, rebuilt, tell)
        if bucket is not None:
            kept_aside += _from_bucket(engine, bucket, rebuilt, tell)
        for add in kept_aside:
            add()
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
    engine: Engine, folder: Path, rebuilt: Rebuilt, tell: Tell
) -> list[Callable[[], object]]:
    """Add what was not kept aside; each of what is returned adds what a volume has of the rest."""
    paths = [path for path in volumes_in(folder) if not is_unfinished(path)]
    total = sum(path.stat().st_size for path in paths)
    rest: list[Callable[[], object]] = []

    def add_rest(path: Path) -> None:
        with translated_os_errors(folder):
            _index_volume(engine, path, "", rebuilt, kept_aside=True)

    with translated_os_errors(folder):
        for path in paths:
            _note_tombstones(engine, path, Generation(folder))
        done = 0
        for path in paths:
            if _index_volume(engine, path, "", rebuilt):
                rest.append(partial(add_rest, path))
            done += path.stat().st_size
            tell(done, total)
    return rest


def _note_tombstones_of_bucket(engine: Engine, objects: ObjectStore, tell: Tell) -> None:
    for key in objects.list(DELETIONS):
        with _local_copy(objects, key) as path:
            _note_tombstones(engine, path, None)
    # They are there already.
    with writing(engine) as connection:
        connection.execute(delete(t.uncopied_deletion))
    volumes = list(objects.list("volumes/"))
    for done, key in enumerate(volumes, 1):
        with _local_copy(objects, key) as path:
            _note_tombstones(engine, path, None)
        tell(done, 2 * len(volumes))


def _from_bucket(
    engine: Engine, objects: ObjectStore, rebuilt: Rebuilt, tell: Tell
) -> list[Callable[[], object]]:
    """As `_from_volumes`, with the objects of single instances; tombstones are noted before."""
    volumes = list(objects.list("volumes/"))
    keys = list(objects.list("dicom/"))
    total = 2 * len(volumes) + len(keys)
    done = len(volumes)
    rest: list[Callable[[], object]] = []

    def add_rest(key: str) -> None:
        with _local_copy(objects, key) as path:
            _index_volume(engine, path, key, rebuilt, kept_aside=True)

    for key in volumes:
        with _local_copy(objects, key) as path:
            if _index_volume(engine, path, key, rebuilt):
                rest.append(partial(add_rest, key))
        done += 1
        tell(done, total)
    batch: list[NewInstance] = []
    for key in keys:
        new = _from_object(engine, objects, key)
        if new is None:
            rebuilt.refused += 1
        elif _is_object_deleted(engine, objects, new.header.sop_instance_uid, key):
            rebuilt.deleted += 1
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


@contextmanager
def _local_copy(objects: ObjectStore, key: str) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="mediview-reindex-") as folder:
        path = Path(folder) / key.rpartition("/")[2]
        with objects.open(key) as source, path.open("wb") as target:
            shutil.copyfileobj(source, target, 1 << 20)
        yield path


def _note_tombstones(engine: Engine, path: Path, generation: Generation | None) -> None:
    for record in scan(path):
        if record.note.kind != "tombstone":
            continue
        with path.open("rb") as file:
            file.seek(record.location.offset)
            payload = file.read(record.location.length)
        if not proves(record.digest, payload):
            log.error("volume_record_damaged", volume=path.name, offset=record.location.offset)
            continue
        with writing(engine) as connection:
            note_tombstone(connection, Tombstone.decode(record.note, payload))
        if generation is not None:
            generation.ensure(record.note.generation)


def _index_volume(
    engine: Engine, path: Path, key: str, rebuilt: Rebuilt, *, kept_aside: bool = False
) -> bool:
    """Add those that came first, or those that were kept aside; whether others are left."""
    batch: list[NewInstance] = []
    are_left = False
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped,
        memoryview(mapped) as view,
    ):
        for record in scan(path):
            if record.note.kind == "tombstone":
                continue
            if record.note.is_aside != kept_aside:
                are_left = True
                continue
            start = record.location.offset
            with view[start : start + record.location.length] as part10:
                header = _header(part10, record.digest)
            if header is None:
                log.error("volume_record_damaged", volume=path.name, offset=start)
                rebuilt.refused += 1
                continue
            location = replace(record.location, volume=path.name, object_key=key)
            new = NewInstance.of_note(header, location, record.digest, record.note)
            if _is_deleted(engine, header, record):
                rebuilt.deleted += 1
                with writing(engine) as connection:
                    note_if_generated(connection, new)
                continue
            batch.append(new)
            if len(batch) >= _BATCH:
                add_batch(engine, batch, rebuilt, are_later=kept_aside)
                batch = []
    add_batch(engine, batch, rebuilt, are_later=kept_aside)
    values = {"name": path.name, "size_bytes": path.stat().st_size, "reconciled_at": utcnow()}
    with writing(engine) as connection:
        insert_or_ignore(connection, t.volume, values)
    return are_left


def _is_deleted(engine: Engine, header: Header, record: Record) -> bool:
    with reading(engine) as connection:
        return is_covered(
            connection, header.sop_instance_uid, record.note.generation, record.digest
        )


def _is_object_deleted(
    engine: Engine, objects: ObjectStore, sop_instance_uid: str, key: str
) -> bool:
    """Whether it was deleted before it could leave the bucket; then it is noted that it has to."""
    with writing(engine) as connection:
        if not is_object_of_deleted(connection, objects, sop_instance_uid, key):
            return False
        want_purged(connection, sop_instance_uid, key)
    return True


def _header(part10: memoryview, digest: str) -> Header | None:
    """The header of a whole record, None where the disk has changed it."""
    try:
        header = read_header(part10)
    except (InvalidInstance, LimitExceeded):
        return None
    with part10[header.dataset_offset :] as dataset:
        return header if proves(digest, dataset) else None


def _from_object(engine: Engine, objects: ObjectStore, key: str) -> NewInstance | None:
    """One instance that has an object of its own; when it came is not known any more."""
    with (
        objects.open(key) as source,
        tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES) as file,
    ):
        shutil.copyfileobj(source, file, 1 << 20)
        size_bytes = file.tell()
        file.seek(0)
        with _buffer(file) as part10:
            try:
                header = read_header(part10)
            except (InvalidInstance, LimitExceeded):
                log.error("object_unreadable", size_bytes=size_bytes)
                return None
            with reading(engine) as connection:
                known = find_known(connection, header.sop_instance_uid)
            with part10[header.dataset_offset :] as dataset:
                digest = digest_like(known, dataset)
    location = Location("", 0, size_bytes, key)
    return NewInstance(header, location, digest, "bucket", "received", utcnow())


@contextmanager
def _buffer(file: "tempfile.SpooledTemporaryFile[bytes]") -> Iterator[memoryview]:
    if not file._rolled:  # type: ignore[attr-defined]
        with memoryview(file.read()) as view:
            yield view
        return
    file.flush()
    with (
        mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped,
        memoryview(mapped) as view,
    ):
        yield view
