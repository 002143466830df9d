"""The header, note and file meta of a record, and how they were before one bit of them changed.

Where a header is damaged it is not known how long its record is, and so not where the next begins.
To look for the next would find whatever a sender has put into the data of an instance. But the
checksum tells one wrong bit by itself: of all changes of one bit the one that makes it fit is what
was written, but for one case in a million.
"""

import zlib
from collections.abc import Iterator

from storage.dicom.file_meta import FILE_META_MAX_BYTES
from storage.volumes.records import HEADER, MAGIC, NOTE_MAX_BYTES

MOST_MENDED_BYTES = 8192
"""Of note and file meta together; they take some 600."""

_COVERED_BEGIN = 8


def described_bytes(head: bytes, left_bytes: int) -> int | None:
    """How long note and file meta are by a header; None where they, or the record, cannot lie
    within `left_bytes`, which begin with the header."""
    _, _, note_length, meta_length, length, _ = HEADER.unpack(head)
    if (
        note_length > NOTE_MAX_BYTES
        or meta_length > min(length, FILE_META_MAX_BYTES)
        or HEADER.size + note_length + length > left_bytes
    ):
        return None
    return int(note_length + meta_length)


def is_as_written(head: bytes, rest: bytes) -> bool:
    """Whether a header, with the note and the file meta behind it, has the checksum it states."""
    checksum = int.from_bytes(head[4:_COVERED_BEGIN], "little")
    return zlib.crc32(rest, zlib.crc32(head[_COVERED_BEGIN:])) == checksum


def mended(found: bytes, left_bytes: int) -> tuple[bytes, bytes] | None:
    """The header, and the note with the file meta, as they were before one bit changed.

    `found` is what lies where a record should begin, as much as is there of it. None where more is
    wrong than a bit, or than what the record begins with.
    """
    if len(found) < HEADER.size:
        return None
    for head in _with_one_bit_changed(MAGIC + found[len(MAGIC) : HEADER.size]):
        rest_bytes = described_bytes(head, left_bytes)
        if rest_bytes is None or rest_bytes > MOST_MENDED_BYTES:
            continue
        rest = found[HEADER.size : HEADER.size + rest_bytes]
        if is_as_written(head, rest):
            return head, rest
    head = found[: HEADER.size]
    rest_bytes = described_bytes(head, left_bytes)
    if rest_bytes is None or rest_bytes > MOST_MENDED_BYTES or not head.startswith(MAGIC):
        return None
    for rest in _with_one_bit_changed(found[HEADER.size : HEADER.size + rest_bytes]):
        if is_as_written(head, rest):
            return head, rest
    return None


def _with_one_bit_changed(data: bytes) -> Iterator[bytes]:
    """The data as they are, and then with each bit changed in turn."""
    yield data
    changed = bytearray(data)
    for position in range(len(changed)):
        for bit in range(8):
            changed[position] ^= 1 << bit
            yield bytes(changed)
            changed[position] ^= 1 << bit
