"""Read a volume record by record, and find where a torn tail begins."""

import fcntl
import mmap
import os
import struct
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO, TypeVar

from storage.core.entities import Location
from storage.dicom.digests import proves_pieces
from storage.volumes.files import SUFFIX
from storage.volumes.mending import MOST_MENDED_BYTES, described_bytes, is_as_written, mended
from storage.volumes.records import HEADER, MAGIC, Note, whole_blocks

# (0002,0003), whose value is of VR UI; the file meta is explicit and little endian (PS3.10 7.1).
_MEDIA_STORAGE_SOP_INSTANCE_UID = b"\x02\x00\x03\x00UI"
_LENGTH = struct.Struct("<H")
_MOST_LOOKED_INTO = 200


T = TypeVar("T")


@dataclass(frozen=True)
class Record:
    location: Location
    dataset_offset: int
    """Of the data set within the part 10 bytes."""
    digest: str
    """Of the data set."""
    note: Note
    media_storage_sop_instance_uid: str
    """As the file meta has it (PS3.10 7.1); empty where it has none."""


def scan(path: Path, *, mends: bool = False) -> Iterator[Record]:
    """The whole records of a volume, in order; stops at the first that is torn.

    Only headers, notes and file meta are read and checked here; `verify` reads
    the data set too. With `mends` a record whose header, note or file meta has one wrong bit is
    given as it was written (`storage.volumes.mending`), and one behind padding with a wrong bit.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        position = 0
        while True:
            record = _record_at(file, path.name, position, size)
            if record is None:
                position = _next_block(file, position, most_bits=1 if mends else 0)
                record = _record_at(file, path.name, position, size)
            if record is None and mends:
                record = _mended_at(file, path.name, position, size)
            if record is None:
                return
            yield record
            position = record.location.offset + record.location.length
            file.seek(position)


def batched(records: Iterable[T], size: int) -> Iterator[list[T]]:
    """The records, or what was made of them, in lists of that many; the last one may be shorter."""
    # itertools has it from Python 3.12 on.
    remaining = iter(records)
    while portion := list(islice(remaining, size)):
        yield portion


def torn_bytes(path: Path, end: int) -> int:
    """How much lies behind the last whole record, which ends at `end`; padding does not count."""
    size = path.stat().st_size
    with path.open("rb") as file:
        return 0 if _next_block(file, end) >= size else size - end


def hides_records(path: Path, end: int) -> bool:
    """Whether whole records lie behind `end`, where a scan of the volume stopped.

    They are looked for by what records begin with. What somebody sent may look like one: nothing
    is read of them, for it could be anything. Where very much looks like one it is not looked into.
    """
    size = path.stat().st_size
    if end >= size:
        return False
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as mapped,
    ):
        position = end
        for _ in range(_MOST_LOOKED_INTO):
            position = mapped.find(MAGIC, position + 1)
            if position < 0:
                return False
            file.seek(position)
            if _record_at(file, path.name, position, size) is not None:
                return True
    return True


def verify(path: Path, record: Record) -> bool:
    """Whether the data set still has the digest that was taken when it arrived."""
    with path.open("rb") as file:

        def data_set() -> Iterator[bytes]:
            file.seek(record.location.offset + record.dataset_offset)
            return _pieces(file, record.location.length - record.dataset_offset)

        return proves_pieces(record.digest, data_set)


def is_unfinished(path: Path) -> bool:
    """Whether the file holds no record and only zeros where the first should begin."""
    with path.open("rb") as file:
        return not any(file.read(HEADER.size))


def is_being_written(path: Path) -> bool:
    """Whether a living process holds the volume open for appending."""
    fd = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(fd)
    return False


def has_volumes(folder: Path) -> bool:
    """Whether any lies there; of tens of thousands it looks at the first few. Raises OSError."""
    try:
        with os.scandir(folder) as entries:
            return any(entry.name.endswith(SUFFIX) for entry in entries)
    except (FileNotFoundError, NotADirectoryError):
        return False


def volumes_in(folder: Path) -> list[Path]:
    """The oldest first, by their names. Raises OSError."""
    return [folder / name for name in _volume_names(folder)]


def volume_sizes(folder: Path) -> dict[str, int]:
    """How long each file is, the oldest first; without those removed meanwhile. Raises OSError.

    There may be tens of thousands, and the receivers of a node look in turn before they start.
    """
    sizes = {}
    for name in _volume_names(folder):
        with suppress(FileNotFoundError):
            sizes[name] = os.stat(f"{folder}/{name}").st_size  # noqa: PTH116
    return sizes


def _volume_names(folder: Path) -> list[str]:
    try:
        return sorted(name for name in os.listdir(folder) if name.endswith(SUFFIX))  # noqa: PTH208
    except (FileNotFoundError, NotADirectoryError):
        return []


def _pieces(file: BinaryIO, length: int) -> Iterator[bytes]:
    while length > 0 and (piece := file.read(min(length, 1 << 20))):
        length -= len(piece)
        yield piece


def _next_block(file: BinaryIO, position: int, *, most_bits: int = 0) -> int:
    """Where the next block begins, when only zeros lie between; else `position` again.

    `most_bits`: so many may be set. A header has far more.
    """
    boundary = whole_blocks(position)
    file.seek(position)
    bits = sum(byte.bit_count() for byte in file.read(boundary - position))
    position = position if bits > most_bits else boundary
    file.seek(position)
    return position


def _record_at(file: BinaryIO, volume: str, position: int, size: int) -> Record | None:
    head = file.read(HEADER.size)
    if len(head) < HEADER.size:
        return None
    rest_bytes = described_bytes(head, size - position)
    if rest_bytes is None or not head.startswith(MAGIC):
        return None
    rest = file.read(rest_bytes)
    return _record(volume, position, head, rest) if is_as_written(head, rest) else None


def _mended_at(file: BinaryIO, volume: str, position: int, size: int) -> Record | None:
    file.seek(position)
    found = mended(file.read(HEADER.size + MOST_MENDED_BYTES), size - position)
    return None if found is None else _record(volume, position, *found)


def _record(volume: str, position: int, head: bytes, rest: bytes) -> Record:
    _, _, note_length, meta_length, length, digest = HEADER.unpack(head)
    offset = position + HEADER.size + note_length
    note = Note.decode(rest[:note_length])
    uid = _media_storage_sop_instance_uid(rest[note_length:])
    return Record(Location(volume, offset, length), meta_length, digest.hex(), note, uid)


def _media_storage_sop_instance_uid(meta: bytes) -> str:
    start = meta.find(_MEDIA_STORAGE_SOP_INSTANCE_UID) + len(_MEDIA_STORAGE_SOP_INSTANCE_UID)
    if start < len(_MEDIA_STORAGE_SOP_INSTANCE_UID) or start + _LENGTH.size > len(meta):
        return ""
    (length,) = _LENGTH.unpack_from(meta, start)
    value = meta[start + _LENGTH.size :][:length]
    return value.rstrip(b"\0 ").decode("ascii", "replace")
