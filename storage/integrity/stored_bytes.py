"""The bytes of stored instances: ranges, streams, open files.

Whole instances are compared with the digest that was taken when they arrived; of reads of parts a
sample is. What proves to be damaged is noted, answered from the bucket where that has the bytes,
and refused otherwise (`storage.integrity`).
"""

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO

from storage.core.entities import Instance, Location
from storage.core.errors import NotFound, StorageUnavailable
from storage.hosts.entities import Host
from storage.integrity.checker import Checker, Prepared
from storage.integrity.copies import object_range
from storage.integrity.repository import DamagedInstances
from storage.objects.store import ObjectStore
from storage.volumes.reader import VolumeReader

_CHUNK_BYTES = 128 * 1024
_IN_MEMORY_BYTES = 8 << 20


@dataclass(frozen=True)
class HeldFile:
    """An open file that holds an instance's part 10 bytes; one that is handed to sendfile."""

    fd: int
    offset: int
    """Where the part 10 bytes begin."""

    def fileno(self) -> int:
        return self.fd


class StoredBytes:
    """Gives back part 10 bytes as they were stored.

    The local volume is read first, where it is there; the object store has the
    instance once it has moved to a bucket.
    """

    def __init__(
        self,
        volumes: VolumeReader,
        objects: ObjectStore,
        locate: Callable[[str], Location | None] | None = None,
        damaged: DamagedInstances | None = None,
        holder: Callable[[str], Host | None] = lambda _volume: None,
    ) -> None:
        """`locate` finds an instance that was moved since its row was read, `holder` the other
        host on which a volume lies."""
        self._volumes = volumes
        self._objects = objects
        self._locate = locate
        self._checker = Checker(volumes, objects, locate, damaged, holder)

    def read(self, instance: Instance, start: int = 0, length: int | None = None) -> bytes:
        """`length` bytes from `start`, or all that follows.

        The whole instance is compared with its digest. Raises InstanceDamaged,
        StorageUnavailable, NotFound where it was deleted meanwhile.
        """
        if not start and length is None:
            return self._checker.read_whole(instance)
        return self._read_part(self._checker.sample(instance), start, length)

    def checked(self, instance: Instance) -> Instance:
        """The instance, with a place whose bytes were compared with its digest just now.

        Raises as `read`.
        """
        return self._checker.checked(instance)

    def prepare(self, instances: Sequence[Instance]) -> list[Prepared]:
        """Make sure that an answer with these can be sent to its end (`Checker.prepare`)."""
        return self._checker.prepare(instances)

    def is_doubted(self, instance: Instance) -> bool:
        """As `Checker.is_doubted`: parts are then read of what `sample` returns."""
        return self._checker.is_doubted(instance)

    def note_part_read(self, instance: Instance) -> None:
        """As `Checker.note_part_read`: for who has asked `is_doubted` itself."""
        self._checker.note_part_read(instance)

    def sample(self, instance: Instance) -> Instance:
        """To be asked before parts of it are sent: with the place to read them from.

        Raises InstanceDamaged where it is known.
        """
        return self._checker.sample(instance)

    def _read_part(self, instance: Instance, start: int, length: int | None) -> bytes:
        available = max(instance.size_bytes - start, 0)
        length = available if length is None else min(length, available)
        location = instance.location
        try:
            return self._read(location, start, length)
        except (StorageUnavailable, NotFound):
            moved = self._locate(instance.sop_instance_uid) if self._locate else None
            if moved is None or moved == location:
                # Says what is lost, where that is the reason.
                return self._read(self.checked(instance).location, start, length)
            return self._read(moved, start, length)

    @contextmanager
    def hold(self, instance: Instance) -> Iterator[HeldFile | None]:
        """The local volume with the instance, open meanwhile; None where there is none.

        It stays readable though the instance be moved or deleted meanwhile.
        """
        with ExitStack() as stack:
            yield self._held(instance, stack)

    def _held(self, instance: Instance, stack: ExitStack) -> HeldFile | None:
        location: Location | None = instance.location
        for _ in range(2):
            if location is None or not location.volume:
                return None
            try:
                fd = stack.enter_context(self._volumes.hold(location))
            except StorageUnavailable:
                # Perhaps rewritten since the row was read.
                location = self._locate(instance.sop_instance_uid) if self._locate else None
            else:
                return HeldFile(fd, location.offset)
        return None

    def _read(self, location: Location, start: int, length: int) -> bytes:
        if location.volume:
            try:
                return self._volumes.read(location, start, length)
            except StorageUnavailable:
                if not location.object_key:
                    raise
        return object_range(self._objects, location, start, length)

    def open_stored(self, instance: Instance) -> BinaryIO:
        """A seekable stream over the part 10 file, whose bytes were compared with its digest.

        It needs no closing of its own. Raises as `checked`.
        """
        if instance.size_bytes <= _IN_MEMORY_BYTES:
            return io.BytesIO(self._checker.read_whole(instance))
        return self.stream(self.checked(instance))

    def stream(self, instance: Instance) -> BinaryIO:
        """A seekable stream over the part 10 file, for who reads parts of it. Raises as `read`."""
        return io.BufferedReader(_InstanceStream(self, instance), _CHUNK_BYTES)


class _InstanceStream(io.RawIOBase):
    name = ""
    """pydicom asks a buffered reader for the name of its file."""

    def __init__(self, stored: StoredBytes, instance: Instance) -> None:
        self._stored = stored
        self._instance = instance
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {
            io.SEEK_SET: 0,
            io.SEEK_CUR: self._position,
            io.SEEK_END: self._instance.size_bytes,
        }[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: Any) -> int:
        data = self._stored.read(self._instance, self._position, len(buffer))
        buffer[: len(data)] = data
        self._position += len(data)
        return len(data)
