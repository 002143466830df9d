"""Volumes: append-only files of checksummed records, the truth about what was received.

Many threads stage records in memory; the one that flushes writes all that was staged
meanwhile in one go, past the page cache, and makes it durable with one
fdatasync (group commit). A torn record at the end of a volume is recognised by
its checksums, so a crash at any moment leaves nothing that lies.
`docs/decisions/0001-volumes.md` says why not a file an instance.
"""

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from storage.core.clock import utcnow
from storage.core.entities import NO_ASSOCIATION, Location, Origin, StoreAssociation
from storage.core.errors import StorageFull
from storage.volumes.deletion_counter import Generation, Numbers
from storage.volumes.files import translated_os_errors
from storage.volumes.known_folder import KnownFolder
from storage.volumes.open_volume import OpenVolume
from storage.volumes.records import Appended, Note, ToAppend, encode_header
from storage.volumes.write_buffer import WriteBuffer

_FREE_DISK_CHECK_INTERVAL_BYTES = 16 * 1024 * 1024


class StagedRecord:
    """A record on its way to the disk; `VolumeWriter.wait_for` makes it durable."""

    __slots__ = ("appended", "error", "is_flushed")

    def __init__(self, appended: Appended) -> None:
        self.appended = appended
        self.is_flushed = False
        self.error: OSError | None = None


class VolumeWriter:
    """The open volume of this process. Safe for threads; one a process.

    The volume is locked (flock) as long as it is written, so that no other
    process takes a live tail for a torn one.
    """

    def __init__(
        self,
        folder: Path,
        *,
        size_bytes: int,
        free_disk_mark_bytes: int,
        admit: Callable[[], None] | None = None,
        numbers: Numbers | None = None,
    ) -> None:
        """`admit` is asked now and then; it raises StorageFull where nothing more may come.

        `numbers`: where hosts with disks of their own count deletions."""
        self._folder = folder
        self._known_folder = KnownFolder(folder)
        self._size_bytes = size_bytes
        self._free_disk_mark_bytes = free_disk_mark_bytes
        self._admit = admit
        self._generation = Generation(folder, numbers)
        # Held while records are staged, and never while the disk works; taken
        # after the flush lock where both are needed.
        self._stage_lock = threading.Lock()
        self._flush_lock = threading.Lock()
        self._buffer, self._spare = WriteBuffer(), WriteBuffer()
        self._waiting: list[StagedRecord] = []
        # Where in the open volume the staged bytes will begin.
        self._position = 0
        self._is_writing = False
        self._open: OpenVolume | None = None
        self._since_check_bytes = _FREE_DISK_CHECK_INTERVAL_BYTES

    def append(
        self,
        part10: bytes | memoryview,
        *,
        dataset_offset: int,
        digest: bytes,
        source: str,
        origin: Origin,
    ) -> Appended:
        """Append one instance and make it durable.

        `digest` is that of the data set, which begins at `dataset_offset`.
        Raises StorageFull below the free-disk mark or on a full disk, and
        StorageUnavailable when the folder cannot be written; then nothing of
        the instance is visible.
        """
        whole = memoryview(part10)
        pieces = (whole[:dataset_offset], whole[dataset_offset:])
        staged = self.stage(pieces, digest=digest, source=source, origin=origin)
        return self.wait_for(staged)

    def stage(
        self,
        pieces: tuple[bytes | memoryview, bytes | memoryview],
        *,
        digest: bytes,
        source: str,
        origin: Origin,
        is_aside: bool = False,
        association: StoreAssociation = NO_ASSOCIATION,
    ) -> StagedRecord:
        """Take one instance, its file meta and its data set, to be made durable.

        Both are copied; `wait_for` makes the record durable. `is_aside`: other content is stored
        under its UID. Raises as `append`.
        """
        with translated_os_errors(self._folder):
            now, generation = utcnow(), self._generation.current()
        note = Note(source, origin, now, generation, is_aside=is_aside, association=association)
        meta, data_set = pieces
        length = len(meta) + len(data_set)
        self.check_free_disk(length)
        header = encode_header(note.encode(), meta, length, digest)
        return self._stage(note, (header, meta, data_set))

    def wait_for(self, staged: StagedRecord) -> Appended:
        """Return once the record is on disk. Raises StorageFull, StorageUnavailable."""
        if not staged.is_flushed:
            with self._flush_lock:
                if not staged.is_flushed:
                    self._flush()
        if staged.error is not None:
            # Another for each thread that waits: tracebacks are not to be shared.
            error = OSError(staged.error.errno, staged.error.strerror)
            with translated_os_errors(self._folder):
                raise error from staged.error
        return staged.appended

    def append_records(self, records: Iterable[ToAppend]) -> list[Location]:
        """Append records as they stand; on return all of them are durable.

        Housekeeping may use what the free-disk mark keeps for it: it is what
        makes room. Raises StorageFull, StorageUnavailable.
        """
        staged = []
        for record in records:
            meta = memoryview(record.payload)[: record.dataset_offset]
            length = len(record.payload)
            header = encode_header(record.note.encode(), meta, length, record.digest)
            staged.append(self._stage(record.note, (header, record.payload)))
        return [self.wait_for(one).location for one in staged]

    @property
    def folder(self) -> Path:
        return self._folder

    @property
    def generation(self) -> Generation:
        return self._generation

    def close(self) -> None:
        """Close the open volume; the next append begins a new one."""
        with self._flush_lock:
            self._flush()
            with self._stage_lock:
                if self._open is not None:
                    self._open.retire()
                    self._open = None
        self._generation.close()

    @property
    def free_disk_mark_bytes(self) -> int:
        """Below so much free space nothing is received."""
        return self._free_disk_mark_bytes

    def free_bytes(self) -> int:
        """How much is free where the volumes are. Raises StorageUnavailable."""
        with translated_os_errors(self._folder):
            self._known_folder.check()
            status = os.statvfs(self._folder)
        return status.f_bavail * status.f_frsize

    def disk_bytes(self) -> int:
        """The size of the disk where the volumes are. Raises StorageUnavailable."""
        with translated_os_errors(self._folder):
            self._known_folder.check()
            status = os.statvfs(self._folder)
        return status.f_blocks * status.f_frsize

    def check_folder(self) -> None:
        """Raise StorageUnavailable where the folder is gone, as with its disk."""
        with translated_os_errors(self._folder):
            self._known_folder.check()

    def check_free_disk(self, length: int) -> None:
        """Raise StorageFull where `length` more bytes would go below the mark."""
        self._since_check_bytes += length
        if self._since_check_bytes < _FREE_DISK_CHECK_INTERVAL_BYTES:
            return
        free = self.free_bytes()
        if free - length < self._free_disk_mark_bytes:
            raise StorageFull(
                f"Only {free >> 20} MiB are free in the data folder;"
                f" the mark is {self._free_disk_mark_bytes >> 20} MiB.",
                remedy="Free disk space; the node goes on by itself.",
            )
        if self._admit is not None:
            self._admit()
        self._since_check_bytes = 0

    def _stage(self, note: Note, pieces: Sequence[bytes | memoryview]) -> StagedRecord:
        """Copy a record behind those that are staged; its header is the first piece."""
        length = sum(map(len, pieces))
        while True:
            with self._stage_lock, translated_os_errors(self._folder):
                volume = self._volume_with_room()
                if volume is not None and length <= self._buffer.room:
                    return self._put(volume, note, pieces, length)
            with self._flush_lock:
                if length > self._buffer.room + self._buffer.length:
                    return self._append_alone(note, pieces, length)
                self._flush()

    def _put(
        self, volume: OpenVolume, note: Note, pieces: Sequence[bytes | memoryview], length: int
    ) -> StagedRecord:
        start = self._position + self._buffer.length + len(pieces[0])
        for piece in pieces:
            self._buffer.take(piece)
        location = Location(volume.name, start, length - len(pieces[0]))
        staged = StagedRecord(Appended(location, note))
        self._waiting.append(staged)
        return staged

    def _volume_with_room(self) -> OpenVolume | None:
        """The open volume; None where it has to be flushed before another can be begun."""
        volume = self._open
        if volume is not None:
            if self._position + self._buffer.length < self._size_bytes:
                return volume
            if self._is_writing or self._waiting:
                return None
            self._open = None
            volume.retire()
        self._position = 0
        self._open = OpenVolume.create(self._known_folder)
        return self._open

    def _flush(self) -> None:
        """Make durable what is staged; the caller holds the flush lock.

        Each record gets what became of it; nothing is raised.
        """
        with self._stage_lock:
            volume, batch = self._open, self._waiting
            if volume is None or not batch:
                return
            self._waiting = []
            full, self._buffer, self._spare = self._buffer, self._spare, self._buffer
            blocks = full.blocks()
            self._position += len(blocks)
            self._is_writing = True
        failure = None
        try:
            volume.append((blocks,), full.length)
        except OSError as error:
            failure = error
        with self._stage_lock:
            self._is_writing = False
            full.clear()
            if failure is not None:
                self._position = volume.end
                # What was staged meanwhile counted on a place behind what is not there.
                batch += self._waiting
                self._waiting = []
                self._buffer.clear()
                if volume.is_broken:
                    # The next append begins a new one.
                    self._open = None
        for staged in batch:
            staged.error = failure
            staged.is_flushed = True

    def _append_alone(
        self, note: Note, pieces: Sequence[bytes | memoryview], length: int
    ) -> StagedRecord:
        """Write a record that is larger than the staging memory, piece by piece."""
        self._flush()
        with self._stage_lock, translated_os_errors(self._folder):
            volume = self._volume_with_room()
            if volume is None:
                raise RuntimeError("records wait although all were flushed")
            start = volume.end + len(pieces[0])
            try:
                volume.append(self._spare.through(pieces), length)
            finally:
                self._spare.clear()
                self._position = volume.end
                if volume.is_broken:
                    self._open = None
        staged = StagedRecord(Appended(Location(volume.name, start, length - len(pieces[0])), note))
        staged.is_flushed = True
        return staged
