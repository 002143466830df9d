"""Volumes: append-only files of checksummed records, the truth about what was received.

A record is a fixed header, a small JSON note (source and time) and the part 10
bytes. Many threads append to the process's one open volume; one fdatasync makes
all that arrived meanwhile durable (group commit). A torn record at the end of a
volume is recognised by its checksums, so a crash at any moment leaves nothing
that lies. `docs/decisions/0001-volumes.md` says why not a file an instance.
"""

import json
import os
import struct
import threading
import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from storage.clock import utcnow
from storage.entities import Location, Origin
from storage.errors import StorageFull
from storage.generation import Generation
from storage.volume_files import OpenVolume, translated_os_errors

MAGIC = b"MVR1"
# magic; crc32 of what follows in the header, the note and the file meta; lengths of the
# note, the file meta and the whole part 10 payload; sha256 of the data set
HEADER = struct.Struct("<4sIIIQ32s")
NOTE_MAX_BYTES = 64 * 1024
_FREE_DISK_CHECK_INTERVAL_BYTES = 16 * 1024 * 1024

RecordKind = Literal["instance", "tombstone"]
_encode_json = json.JSONEncoder(separators=(",", ":")).encode


@dataclass(frozen=True)
class Note:
    """What a record says beside the bytes, so that the index can be rebuilt from it."""

    source: str
    origin: Origin
    received_at: datetime
    generation: int = 0
    """How many deletions there had been (`storage.generation`): orders both without a clock."""
    kind: RecordKind = "instance"

    def encode(self) -> bytes:
        fields: dict[str, str | int] = {
            "source": self.source,
            "origin": self.origin,
            "received_at": self.received_at.isoformat(),
        }
        if self.generation:
            fields["generation"] = self.generation
        if self.kind != "instance":
            fields["kind"] = self.kind
        return _encode_json(fields).encode()

    @classmethod
    def decode(cls, data: bytes) -> "Note":
        fields = json.loads(data)
        return cls(
            fields["source"],
            fields["origin"],
            datetime.fromisoformat(fields["received_at"]),
            fields.get("generation", 0),
            fields.get("kind", "instance"),
        )


@dataclass(frozen=True)
class Appended:
    location: Location
    note: Note


@dataclass(frozen=True)
class ToAppend:
    """A record to be written as it stands: a copy of another, or a tombstone."""

    note: Note
    payload: bytes | memoryview
    dataset_offset: int
    digest: bytes
    """sha256 of the payload from `dataset_offset` on."""


def encode_header(
    note: bytes, file_meta: bytes | memoryview, payload_length: int, digest: bytes
) -> bytes:
    """The record's header; `file_meta` is the part of the payload that `digest` leaves out."""
    rest = HEADER.pack(MAGIC, 0, len(note), len(file_meta), payload_length, digest)[8:]
    checksum = zlib.crc32(file_meta, zlib.crc32(note, zlib.crc32(rest)))
    return MAGIC + struct.pack("<I", checksum) + rest + note


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
    ) -> None:
        """`admit` is asked now and then; it raises StorageFull where nothing more may come."""
        self._folder = folder
        self._size_bytes = size_bytes
        self._free_disk_mark_bytes = free_disk_mark_bytes
        self._admit = admit
        self._generation = Generation(folder)
        self._append_lock = threading.Lock()
        self._sync_lock = threading.Lock()
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

        `digest` is the sha256 of the data set, which begins at `dataset_offset`.
        Raises StorageFull below the free-disk mark or on a full disk, and
        StorageUnavailable when the folder cannot be written; then nothing of
        the instance is visible.
        """
        with translated_os_errors(self._folder):
            note = Note(source, origin, utcnow(), self._generation.current())
        file_meta = memoryview(part10)[:dataset_offset]
        header = encode_header(note.encode(), file_meta, len(part10), digest)
        with self._append_lock:
            self.check_free_disk(len(part10))
            with translated_os_errors(self._folder):
                volume = self._writable_volume()
                offset = volume.append((header, part10))
                sequence = volume.appended
        with translated_os_errors(self._folder):
            self._commit(volume, sequence)
        return Appended(Location(volume.name, offset + len(header), len(part10)), note)

    def append_records(self, records: Iterable[ToAppend]) -> list[Location]:
        """Append records as they stand; on return all of them are durable.

        Housekeeping may use what the free-disk mark keeps for it: it is what
        makes room. Raises StorageFull, StorageUnavailable.
        """
        locations = []
        last: tuple[OpenVolume, int] | None = None
        for record in records:
            meta = memoryview(record.payload)[: record.dataset_offset]
            length = len(record.payload)
            header = encode_header(record.note.encode(), meta, length, record.digest)
            with self._append_lock, translated_os_errors(self._folder):
                volume = self._writable_volume()
                offset = volume.append((header, record.payload))
                # A volume that was left meanwhile was synced when it was retired.
                last = volume, volume.appended
            locations.append(Location(volume.name, offset + len(header), length))
        if last is not None:
            with translated_os_errors(self._folder):
                self._commit(*last)
        return locations

    @property
    def folder(self) -> Path:
        return self._folder

    @property
    def generation(self) -> Generation:
        return self._generation

    def close(self) -> None:
        """Close the open volume; the next append begins a new one."""
        with self._append_lock:
            if self._open is not None:
                self._open.retire()
                self._open = None
        self._generation.close()

    def _writable_volume(self) -> OpenVolume:
        if self._open is not None and self._open.size >= self._size_bytes:
            self._open.retire()
            self._open = None
        if self._open is None:
            self._open = OpenVolume.create(self._folder)
        return self._open

    def _commit(self, volume: OpenVolume, sequence: int) -> None:
        """Return once record number `sequence` of `volume` is on disk.

        Whoever gets the lock syncs for all that was appended before; the
        others find their record already covered.
        """
        with self._sync_lock:
            if volume.synced >= sequence:
                return
            covered = volume.appended
            try:
                volume.sync()
            except OSError:
                # The next append begins a new volume.
                with self._append_lock:
                    if self._open is volume:
                        self._open = None
                raise
            volume.synced = max(volume.synced, covered)

    def check_free_disk(self, length: int) -> None:
        """Raise StorageFull where `length` more bytes would go below the mark."""
        self._since_check_bytes += length
        if self._since_check_bytes < _FREE_DISK_CHECK_INTERVAL_BYTES:
            return
        with translated_os_errors(self._folder):
            self._folder.mkdir(parents=True, exist_ok=True)
            status = os.statvfs(self._folder)
        free = status.f_bavail * status.f_frsize
        if free - length < self._free_disk_mark_bytes:
            raise StorageFull(
                f"Only {free >> 20} MiB are free in the data folder;"
                f" the mark is {self._free_disk_mark_bytes >> 20} MiB.",
                remedy="Free disk space; the node goes on by itself.",
            )
        if self._admit is not None:
            self._admit()
        self._since_check_bytes = 0
