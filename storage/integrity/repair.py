"""Give a damaged instance its bytes back, where another copy has them.

The bytes are appended as a new record, durable before the row names it, as compaction does; what
is damaged stays behind as dead bytes. A copy in the bucket that is wrong is replaced from the
volume.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import structlog
from sqlalchemy import Engine, update

from storage import tables as t
from storage.core.entities import Instance, Location, Origin
from storage.core.errors import NotFound
from storage.db.engine import reading, writing
from storage.dicom.file_meta import read_file_meta
from storage.index.moved_instances import not_copied_from_here
from storage.index.repository import Index
from storage.index.row_mapping import to_instance
from storage.index.select_statements import select_stored_instances
from storage.integrity.copies import (
    READABLE,
    is_proven,
    object_range,
    state_in_bucket,
    state_in_volume,
)
from storage.integrity.repository import DamagedInstances
from storage.objects.store import ObjectStore
from storage.volumes.files import translated_os_errors
from storage.volumes.large_instance import LargeVolume
from storage.volumes.reader import VolumeReader
from storage.volumes.records import Note, ToAppend
from storage.volumes.scan import is_being_written, is_unfinished, scan
from storage.volumes.writer import VolumeWriter

log = structlog.get_logger(__name__)

_AT_ONCE = 50
_LOST_AT_ONCE = 2000
_AT_ONCE_BYTES = 256 << 20
_LOST_LOOKED_AT_EVERY_S = 600.0
_IN_MEMORY_BYTES = 64 << 20
_PIECE_BYTES = 8 << 20


class Repair:
    """Looks at what was noted; one process at a time, who holds the housekeeping lock."""

    def __init__(
        self,
        engine: Engine,
        volumes: VolumeWriter,
        objects: ObjectStore,
        damaged: DamagedInstances,
        is_elsewhere: Callable[[str], bool] = lambda _volume: False,
    ) -> None:
        """`is_elsewhere` says which volumes another host has, which repairs what is in them."""
        self._engine = engine
        self._index = Index(engine)
        self._volumes = volumes
        self._objects = objects
        self._damaged = damaged
        self._is_elsewhere = is_elsewhere
        self._lost_next_s = 0.0

    def run(self) -> int:
        """How many instances were repaired, or are right again.

        Those without a right copy are looked at now and then: a disk may come back. Raises
        StorageFull, StorageUnavailable.
        """
        self._damaged.forget_replaced()
        noted = self._damaged.to_repair(_AT_ONCE, has_copy=True)
        if time.monotonic() >= self._lost_next_s:
            self._lost_next_s = time.monotonic() + _LOST_LOOKED_AT_EVERY_S
            noted += self._damaged.to_repair(_LOST_AT_ONCE, has_copy=False)
        if not noted:
            return 0
        count = read_bytes = 0
        volumes: set[str] = set()
        reader = VolumeReader(self._volumes.folder)
        try:
            for one in noted:
                if read_bytes > _AT_ONCE_BYTES:
                    break
                try:
                    instance = self._index.instance(one.sop_instance_uid)
                except NotFound:
                    continue
                if self._is_elsewhere(instance.location.volume):
                    continue
                read_bytes += instance.size_bytes
                if self._repair(instance, reader):
                    self._damaged.clear([one.sop_instance_uid])
                    count += 1
                volumes.add(instance.location.volume)
            for name in volumes:
                count += self._rescue(self._volumes.folder / name, reader)
        finally:
            reader.close()
        return count

    def _repair(self, instance: Instance, reader: VolumeReader) -> bool:
        location = instance.location
        local = state_in_volume(reader, instance) if location.volume else "missing"
        in_bucket = state_in_bucket(self._objects, instance)
        if local == "whole":
            if location.object_key and in_bucket != "whole":
                self._upload_again(instance)
            return True
        if local == "header_damaged":
            return self._append(instance, _in_volume(reader, instance))
        if in_bucket != "whole":
            self._damaged.note(instance, local, has_copy=False)
            return False
        # What a cache lacks needs no repair.
        return local == "missing" or self._append(instance, _in_objects(self._objects, instance))

    def _rescue(self, path: Path, reader: VolumeReader) -> int:
        """Write again what lies behind a damaged header: a scan does not come to it.

        Otherwise an index that is rebuilt from the volumes would lack it.
        """
        if not path.is_file() or is_being_written(path) or is_unfinished(path):
            return 0
        found = {record.location.offset for record in scan(path)}
        with reading(self._engine) as connection:
            rows = connection.execute(select_stored_instances(t.instance.c.volume == path.name))
            hidden = [
                one for one in map(to_instance, rows.mappings()) if one.location.offset not in found
            ]
        return sum(
            self._append(one, _in_volume(reader, one))
            for one in hidden
            if state_in_volume(reader, one) in READABLE
        )

    def _append(self, instance: Instance, pieces: Iterator[bytes]) -> bool:
        series = self._index.series(instance.study_instance_uid, instance.series_instance_uid)
        first = next(pieces)
        if instance.size_bytes <= _IN_MEMORY_BYTES:
            part10 = b"".join((first, *pieces))
            if not is_proven(part10, instance):
                return False
            location = self._append_small(instance, part10, series.origin)
        else:
            found = self._append_large(instance, first, pieces, series.origin)
            if found is None:
                return False
            location = found
        is_moved = self._move(instance, location)
        log.info("instance_repaired", sop_instance_uid=instance.sop_instance_uid)
        return is_moved

    def _append_small(self, instance: Instance, part10: bytes, origin: Origin) -> Location:
        note = Note(
            instance.source,
            origin,
            instance.received_at,
            self._generation(),
            association=instance.association,
        )
        offset = read_file_meta(part10).dataset_offset
        record = ToAppend(note, part10, offset, bytes.fromhex(instance.digest))
        return self._volumes.append_records([record])[0]

    def _append_large(
        self, instance: Instance, first: bytes, pieces: Iterator[bytes], origin: Origin
    ) -> Location | None:
        # Not when it ends: a deletion meanwhile is one of this instance.
        generation = self._generation()
        large = LargeVolume(
            self._volumes.folder,
            source=instance.source,
            origin=origin,
            dataset_offset=read_file_meta(first).dataset_offset,
            association=instance.association,
            generation=lambda: generation,
            check_folder=self._volumes.check_folder,
        )
        try:
            large.write(first)
            for piece in pieces:
                large.write(piece)
            # A digest of another kind would make a conflict of it, should the index be rebuilt.
            if large.digest().hex() != instance.digest:
                return None
            return large.finish().location
        finally:
            large.discard()

    def _generation(self) -> int:
        with translated_os_errors(self._volumes.folder):
            return self._volumes.generation.current()

    def _move(self, instance: Instance, after: Location) -> bool:
        """Let the row name the new record, unless it was deleted or moved meanwhile."""
        before = instance.location
        values: dict[str, Any] = {
            "volume": after.volume,
            "volume_offset": after.offset,
            **not_copied_from_here(),
        }
        with writing(self._engine) as connection:
            moved = connection.execute(
                update(t.instance)
                .where(
                    t.instance.c.sop_instance_uid == instance.sop_instance_uid,
                    t.instance.c.volume == before.volume,
                    t.instance.c.volume_offset == before.offset,
                )
                .values(**values)
            )
        return bool(moved.rowcount)

    def _upload_again(self, instance: Instance) -> None:
        key = instance.location.object_key
        with writing(self._engine) as connection:
            connection.execute(
                update(t.instance).where(t.instance.c.object_key == key).values(object_key="")
            )
        log.info("object_replaced", sop_instance_uid=instance.sop_instance_uid)


def _in_volume(reader: VolumeReader, instance: Instance) -> Iterator[bytes]:
    location = instance.location
    for start in range(0, location.length, _PIECE_BYTES):
        yield reader.read(location, start, min(_PIECE_BYTES, location.length - start))


def _in_objects(objects: ObjectStore, instance: Instance) -> Iterator[bytes]:
    location = instance.location
    for start in range(0, location.length, _PIECE_BYTES):
        length = min(_PIECE_BYTES, location.length - start)
        yield object_range(objects, location, start, length)
