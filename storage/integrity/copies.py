"""Look at one copy of an instance, in a volume or in the bucket, and tell its state.

A data set is proven by the digest that was taken when it arrived, the file meta by the checksum
in the header of its record (`storage.volumes.records`).
"""

import errno
import os
import threading
import zlib
from collections.abc import Iterator
from typing import Literal, Protocol

from storage.core.entities import Instance, Location
from storage.core.errors import InvalidInstance, NotFound, StorageUnavailable
from storage.dicom.digests import proves, proves_pieces
from storage.dicom.file_meta import FILE_META_MAX_BYTES, FileMeta, read_file_meta
from storage.objects.store import ObjectStore
from storage.volumes.files import SUFFIX
from storage.volumes.reader import VolumeReader
from storage.volumes.records import HEADER, MAGIC

State = Literal["whole", "header_damaged", "damaged", "missing"]
"""`header_damaged`: the part 10 bytes are right, but the record could not be found again."""


class Stored(Protocol):
    """Where bytes lie, and what they have to be; an `Instance`, or a part of its row."""

    @property
    def location(self) -> Location: ...

    @property
    def digest(self) -> str: ...

    @property
    def transfer_syntax_uid(self) -> str: ...


READABLE: tuple[State, ...] = ("whole", "header_damaged")
_PIECE_BYTES = 1 << 20
_OBJECT_PIECE_BYTES = 8 << 20
_SHORT_META_BYTES = 4096
# The note of a record, which names its source, stands between its header and the part 10 bytes.
_BEFORE_BYTES = 4096

_buffers = threading.local()


def state_in_volume(
    reader: VolumeReader, instance: Instance, *, past_the_cache: bool = False
) -> State:
    """Read the record that the row names, in constant memory. Raises StorageUnavailable.

    `past_the_cache` reads from the disk what the page cache may still have as it was.
    """
    return _look(reader, instance, _PIECE_BYTES, past_the_cache)[0]


def read_from_volume(reader: VolumeReader, instance: Instance) -> tuple[State, bytes]:
    """As `state_in_volume`, with the part 10 bytes, which count where the state is readable."""
    return _look(reader, instance, instance.location.length, past_the_cache=False)


def state_of_record(fd: int, stored: Stored, *, compared_max_bytes: int) -> State:
    """As `state_in_volume`, of a volume that is open; of larger instances the header alone.

    Raises OSError.
    """
    location = stored.location
    if not _reaches(fd, location):
        return "missing"
    try:
        if location.length > compared_max_bytes:
            return _state_of_header(fd, stored)
        first = os.pread(fd, min(_PIECE_BYTES, location.length), location.offset)
        return _state_in_file(fd, stored, first)
    except OSError as error:
        if error.errno == errno.EIO:
            return "damaged"
        raise


def is_long_enough(reader: VolumeReader, location: Location) -> bool:
    """Whether the volume is there and reaches behind the record; nothing of it is read."""
    try:
        with reader.hold(location) as fd:
            return _reaches(fd, location)
    except StorageUnavailable as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return False
        raise


def state_in_bucket(objects: ObjectStore, instance: Instance) -> State:
    """Read the object that the row names. Raises StorageUnavailable."""
    location = instance.location
    if not location.object_key:
        return "missing"

    def read(start: int, length: int) -> bytes:
        return object_range(objects, location, start, length)

    try:
        first = read(0, min(_OBJECT_PIECE_BYTES, location.length))
        meta = _file_meta(first, instance)
        if meta is None:
            return "damaged"

        def data_set() -> Iterator[bytes | memoryview]:
            yield memoryview(first)[meta.dataset_offset :]
            for start in range(len(first), location.length, _OBJECT_PIECE_BYTES):
                yield read(start, min(_OBJECT_PIECE_BYTES, location.length - start))

        return "whole" if proves_pieces(instance.digest, data_set) else "damaged"
    except NotFound:
        return "missing"


def object_range(objects: ObjectStore, location: Location, start: int, length: int) -> bytes:
    """A part of an instance's part 10 bytes from the bucket. Raises NotFound."""
    if location.object_key.endswith(SUFFIX):
        start += location.offset
    return objects.get_range(location.object_key, start, length)


def is_proven(part10: bytes, instance: Instance) -> bool:
    """Whether these are the bytes that arrived, as far as the index alone can tell."""
    meta = _file_meta(part10, instance)
    return meta is not None and proves(instance.digest, memoryview(part10)[meta.dataset_offset :])


def _reaches(fd: int, location: Location) -> bool:
    """Whether the volume is long enough, and not one that was deleted and is open still.

    That one gives its bytes for some seconds more, and nobody would hear that they are lost.
    """
    status = os.fstat(fd)
    return bool(status.st_nlink) and status.st_size >= location.offset + location.length


def _look(
    reader: VolumeReader, instance: Instance, first_bytes: int, past_the_cache: bool
) -> tuple[State, bytes]:
    location = instance.location
    try:
        with reader.hold(location) as fd:
            if not _reaches(fd, location):
                return "missing", b""
            if past_the_cache and hasattr(os, "posix_fadvise"):  # Linux has it
                os.posix_fadvise(fd, location.offset, location.length, os.POSIX_FADV_DONTNEED)
            first = os.pread(fd, min(first_bytes, location.length), location.offset)
            return _state_in_file(fd, instance, first), first
    except StorageUnavailable as error:
        if isinstance(error.__cause__, FileNotFoundError):
            return "missing", b""
        raise
    except OSError as error:
        if error.errno == errno.EIO:
            # A sector that cannot be read has lost its bytes.
            return "damaged", b""
        raise StorageUnavailable(
            f"A volume cannot be read: {error.strerror}.",
            remedy="Check that the disk of the data folder is healthy.",
        ) from error


def _state_of_header(fd: int, stored: Stored) -> State:
    location = stored.location
    # File meta is short nearly always.
    for length in (_SHORT_META_BYTES, FILE_META_MAX_BYTES):
        first = os.pread(fd, min(length, location.length), location.offset)
        meta = _file_meta(first, stored)
        if meta is not None:
            header = _header_proves(fd, location, first[: meta.dataset_offset])
            return "damaged" if header is False else "whole" if header else "header_damaged"
    return "damaged"


def _state_in_file(fd: int, instance: Stored, first: bytes) -> State:
    """`first`: how the part 10 bytes begin, with all of the file meta."""
    location = instance.location
    end = location.offset + location.length
    meta = _file_meta(first, instance)
    if meta is None:
        return "damaged"

    def data_set() -> Iterator[bytes | memoryview]:
        yield memoryview(first)[meta.dataset_offset :]
        yield from _pieces(fd, location.offset + len(first), end)

    header = _header_proves(fd, location, first[: meta.dataset_offset])
    if header is False or not proves_pieces(instance.digest, data_set):
        return "damaged"
    return "whole" if header else "header_damaged"


def _pieces(fd: int, start: int, end: int) -> Iterator[memoryview]:
    """Read into one buffer a thread: fresh pages would cost more than the digest."""
    buffer: bytearray | None = getattr(_buffers, "buffer", None)
    if buffer is None:
        buffer = _buffers.buffer = bytearray(_PIECE_BYTES)
    while start < end:
        with memoryview(buffer)[: min(_PIECE_BYTES, end - start)] as piece:
            count = os.preadv(fd, (piece,), start)
            if not count:
                return
            yield piece[:count]
        start += count


def _header_proves(fd: int, location: Location, meta: bytes) -> bool | None:
    """Whether the record's header vouches for this file meta; None where there is none."""
    window = min(location.offset, _BEFORE_BYTES)
    before = os.pread(fd, window, location.offset - window)
    position = before.rfind(MAGIC)
    while position >= 0:
        head = before[position : position + HEADER.size]
        note = before[position + HEADER.size :]
        if len(head) == HEADER.size:
            _, checksum, note_length, meta_length, length, _ = HEADER.unpack(head)
            if note_length == len(note) and length == location.length:
                rest = zlib.crc32(note, zlib.crc32(head[8:]))
                # What the checksum covers begins with the lengths: they are right or it is not.
                return bool(meta_length == len(meta) and zlib.crc32(meta, rest) == checksum)
        position = before.rfind(MAGIC, 0, position)
    return None


def _file_meta(part10: bytes, instance: Stored) -> FileMeta | None:
    try:
        meta = read_file_meta(part10)
    except InvalidInstance:
        return None
    return meta if meta.transfer_syntax_uid == instance.transfer_syntax_uid else None
