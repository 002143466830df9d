"""The records of a DICOMDIR (PS3.3 F.3), passed one after the other without decoding the others."""

from collections.abc import Iterator
from pathlib import PurePosixPath

from storage.core.errors import InvalidInstance, LimitExceeded
from storage.dicom.element_walker import (
    BIG_ENDIAN,
    ITEM,
    ITEM_DELIMITER,
    UNDEFINED_LENGTH,
    Element,
    IrregularEncoding,
    walker_of,
)
from storage.dicom.file_meta import read_file_meta

_MOST_RECORDS = 200_000
_IN_USE = 0xFFFF
_MOST_PARTS = 8
"""Components of a File ID (PS3.10 8.5)."""
# DirectoryRecordSequence, RecordInUseFlag, ReferencedFileID, ReferencedSOPInstanceUIDInFile.
_RECORDS, _FLAG, _FILE_ID, _SOP_INSTANCE_UID = 0x00041220, 0x00041410, 0x00041500, 0x00041511
_WANTED = frozenset({_FLAG, _FILE_ID, _SOP_INSTANCE_UID})
_DEFLATED = "1.2.840.10008.1.2.1.99"


class NotADirectory(Exception):
    """The bytes are no DICOMDIR."""


def listed_files(content: bytes) -> Iterator[tuple[PurePosixPath, str]]:
    """Path below the folder of the DICOMDIR, and SOP Instance UID: empty where none is stated.

    Raises NotADirectory, LimitExceeded.
    """
    try:
        meta = read_file_meta(content)
        if meta.transfer_syntax_uid == _DEFLATED:
            raise NotADirectory
        is_there = False
        for element in walker_of(content, meta.transfer_syntax_uid, meta.dataset_offset):
            if element.tag == _RECORDS:
                is_there = True
                yield from _Records(content, element, meta.transfer_syntax_uid).files()
    except (InvalidInstance, IrregularEncoding) as error:
        raise NotADirectory from error
    if not is_there:
        raise NotADirectory


class _Records:
    def __init__(self, content: bytes, sequence: Element, transfer_syntax_uid: str) -> None:
        self._data = memoryview(content)
        self._start = sequence.value_offset
        self._end = sequence.value_offset + sequence.length
        self._syntax = transfer_syntax_uid
        self._is_big = transfer_syntax_uid == BIG_ENDIAN

    def files(self) -> Iterator[tuple[PurePosixPath, str]]:
        position, count = self._start, 0
        while position + 8 <= self._end:
            tag = self._number(position, 2) << 16 | self._number(position + 2, 2)
            length = self._number(position + 4, 4)
            if tag != ITEM:
                return
            count += 1
            if count > _MOST_RECORDS:
                raise LimitExceeded(
                    f"It has more than {_MOST_RECORDS} records: what the others list is unknown."
                )
            values, position = self._record(position + 8, length)
            path = _path(values)
            if path is not None:
                yield path, _text(values.get(_SOP_INSTANCE_UID, b""))

    def _record(self, start: int, length: int) -> tuple[dict[int, bytes], int]:
        """The values that are wanted of it, and where the next one begins."""
        end = self._end if length == UNDEFINED_LENGTH else min(start + length, self._end)
        values: dict[int, bytes] = {}
        position = start
        for element in walker_of(self._data[:end], self._syntax, start):
            position = element.value_offset + element.length
            if element.tag == ITEM_DELIMITER:
                return values, position
            if element.tag in _WANTED and not element.undefined_length:
                values[element.tag] = bytes(self._data[element.value_offset : position])
        return values, end

    def _number(self, position: int, size: int) -> int:
        number = self._data[position : position + size]
        return int.from_bytes(number, "big" if self._is_big else "little")


def _path(record: dict[int, bytes]) -> PurePosixPath | None:
    """None for a record that is not in use, or names no file there."""
    flag = record.get(_FLAG, b"")
    # Both bytes of the one value are alike, whatever their order.
    if flag and flag[:2] != _IN_USE.to_bytes(2, "little"):
        return None
    parts = [one.strip(" \0") for one in _text(record.get(_FILE_ID, b"")).split("\\")]
    if parts == [""] or len(parts) > _MOST_PARTS:
        return None
    # What is no name of a file there leads elsewhere.
    if any(one in ("", ".", "..") or "/" in one or "\0" in one for one in parts):
        return None
    return PurePosixPath(*parts)


def _text(value: bytes) -> str:
    return value.decode("latin-1").strip(" \0")
