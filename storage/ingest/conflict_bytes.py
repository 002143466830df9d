"""The bytes of what was kept aside: in the volume of who received it, and soon in the bucket."""

import mmap
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import BinaryIO

from storage.core.entities import NO_ASSOCIATION, Location, StoreAssociation
from storage.core.errors import NotFound, StorageUnavailable
from storage.dicom.part10 import Header, read_header
from storage.hosts.entities import Host
from storage.ingest.instance_stream import SPILL_BYTES
from storage.objects.store import ObjectStore
from storage.volumes.files import translated_os_errors
from storage.volumes.reader import VolumeReader

_PIECE_BYTES = 1 << 20
_Read = Callable[[int, int], bytes]


@dataclass(frozen=True)
class Conflict:
    """What arrived under the UID of another instance."""

    conflict_id: int
    sop_instance_uid: str
    size_bytes: int
    """Of the part 10 file."""
    digest: str
    """Of the data set, without the file meta."""
    source: str
    received_at: datetime
    location: Location
    association: StoreAssociation = NO_ASSOCIATION


class ConflictBytes:
    """Reads the local volume where that is there, else the copy in the bucket."""

    def __init__(
        self,
        reader: VolumeReader,
        objects: ObjectStore,
        holder: Callable[[str], Host | None],
        folder: Path,
    ) -> None:
        """`holder`: the other host on which a volume lies; `folder`: for copies of a moment."""
        self._reader = reader
        self._objects = objects
        self._holder = holder
        self._folder = folder

    def pieces(self, conflict: Conflict) -> Iterator[bytes]:
        """Its part 10 file, a megabyte at a time, the first read before this returns.

        Raises StorageUnavailable.
        """
        read = self._reading(conflict)
        first = read(0, min(_PIECE_BYTES, conflict.size_bytes))

        def all_of_it() -> Iterator[bytes]:
            yield first
            for start in range(_PIECE_BYTES, conflict.size_bytes, _PIECE_BYTES):
                yield read(start, min(_PIECE_BYTES, conflict.size_bytes - start))

        return all_of_it()

    def read(self, conflict: Conflict) -> bytes:
        """The whole file. Raises StorageUnavailable."""
        return self._reading(conflict)(0, conflict.size_bytes)

    def header(self, conflict: Conflict) -> Header:
        """Raises InvalidInstance, StorageUnavailable, StorageFull."""
        location = conflict.location
        if conflict.size_bytes <= SPILL_BYTES:
            return read_header(self.read(conflict))
        with translated_os_errors(self._folder):
            if self._is_local(conflict):
                with self._reader.path(location).open("rb") as file:
                    return _header_within(file, location.offset, location.length)
            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self._folder) as file:
                for piece in self.pieces(conflict):
                    file.write(piece)
                file.flush()
                return _header_within(file, 0, conflict.size_bytes)

    def _is_local(self, conflict: Conflict) -> bool:
        volume = conflict.location.volume
        return bool(volume) and self._holder(volume) is None and self._is_there(conflict)

    def _is_there(self, conflict: Conflict) -> bool:
        """Raises StorageUnavailable where the disk is at fault and no bucket has a copy."""
        try:
            self._reader.read(conflict.location, 0, 1)
        except StorageUnavailable:
            if not conflict.location.object_key:
                raise
            return False
        return True

    def _reading(self, conflict: Conflict) -> _Read:
        """What reads a range of the file."""
        if self._is_local(conflict):
            return partial(self._reader.read, conflict.location)
        key = conflict.location.object_key
        if not key:
            host = self._holder(conflict.location.volume)
            where = f"the disk of the host {host}" if host else "a disk that is not here"
            raise StorageUnavailable(
                f"What was received under {conflict.sop_instance_uid} lies on {where} alone, which"
                " has not yet copied it to the bucket.",
                remedy="Ask again in some seconds; where that takes longer, 'mediview hosts list'"
                " shows the host. It can be discarded at once.",
            )
        try:
            # Its record is the whole object (`storage.maintenance.conflicts.copies`).
            begins_at = self._objects.size(key) - conflict.size_bytes
        except NotFound as error:
            raise StorageUnavailable(
                f"The bucket does not have what was received under {conflict.sop_instance_uid}.",
                remedy="Where the conflict is still listed, have the instance sent again.",
            ) from error
        return lambda start, length: self._objects.get_range(key, begins_at + start, length)


def _header_within(file: BinaryIO, offset: int, length: int) -> Header:
    """Of a file that is too large for memory. Raises OSError."""
    with (
        mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped,
        memoryview(mapped) as view,
        view[offset : offset + length] as part10,
    ):
        return read_header(part10)
