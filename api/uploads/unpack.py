"""Files that people send → DICOM instances and pictures, within limits.

A name inside an archive is reported to the sender and never becomes a path.
The limits of an archive are checked against its directory before anything of
it is read, and again while reading, since a directory can lie.
"""

import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import IO, BinaryIO, Literal

from api.errors import ApiProblem
from storage.core.errors import InvalidInstance, LimitExceeded
from storage.settings import Settings

FileKind = Literal["dicom", "zip", "png", "jpeg", "empty", "other"]
PICTURES: dict[FileKind, str] = {"png": "image/png", "jpeg": "image/jpeg"}
_MAGIC: tuple[tuple[bytes, FileKind], ...] = (
    (b"PK\x03\x04", "zip"),
    (b"PK\x05\x06", "zip"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"\xff\xd8\xff", "jpeg"),
)

_HEAD_BYTES = 132
_CHUNK_BYTES = 1024 * 1024
_NAME_MAX_LENGTH = 200
# A directory's record is 46 bytes and its names; honest archives stay far below this.
_DIRECTORY_BYTES_PER_ENTRY = 1024
# A small file may compress by more than any ratio: a blank image is nearly nothing.
_RATIO_FROM_BYTES = 64 * 1024 * 1024
_END_RECORD = struct.Struct("<4s4H2LH")
_END64_LOCATOR = struct.Struct("<4sLQL")
_END64_RECORD = struct.Struct("<4sQ2H2L4Q")
_ENCRYPTED = 0x1
DAMAGES = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError)
_DAMAGED_HERE, _MAKE_AGAIN = "The archive is damaged at this file.", "Make it again."
_DAMAGED = f"{_DAMAGED_HERE} {_MAKE_AGAIN}"
_METHODS = {zipfile.ZIP_BZIP2: "BZIP2", zipfile.ZIP_LZMA: "LZMA", 9: "Deflate64", 93: "Zstandard"}


@dataclass(frozen=True)
class DicomFile:
    """What looks like a DICOM instance by its first bytes; the one door will tell.

    `pieces`: its bytes, read before the next file is asked for, so that no file need be in memory
    whole. They raise InvalidInstance where an archive is damaged.
    """

    name: str
    pieces: Iterator[bytes]


@dataclass(frozen=True)
class Refusal:
    """A file that is not taken, and why."""

    name: str
    reason: str


@dataclass(frozen=True)
class Limits:
    entries: int
    ratio: int
    total_bytes: int
    instance_bytes: int

    @classmethod
    def of(cls, settings: Settings) -> "Limits":
        return cls(
            settings.zip_max_entries,
            settings.zip_max_ratio,
            settings.upload_max_bytes,
            settings.max_instance_bytes,
        )


def kind_of(head: bytes) -> FileKind:
    """What a file is by its first 132 bytes; its name and declared type say nothing."""
    if not head:
        return "empty"
    if head[128:132] == b"DICM":
        return "dicom"
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    # A data set without preamble begins with group 0002 or 0008 (PS3.10 7.1).
    bare = head[:2] in (b"\x02\x00", b"\x08\x00") and len(head) > 8 and head[3] == 0
    return "dicom" if bare else "other"


def sniff(file: BinaryIO) -> FileKind:
    """`kind_of` an open file, which is left at its start."""
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    file.seek(0)
    return kind_of(head)


def unpack(
    name: str, file: BinaryIO, limits: Limits, count: Callable[[int], object] = abs
) -> Iterator[DicomFile | Refusal]:
    """The instances of one file: itself, or what a ZIP carries; `count` gets how many.

    Raises LimitExceeded and ApiProblem when an archive as a whole is refused,
    before anything of it was given out.
    """
    kind = sniff(file)
    shown = shown_name(name)
    if kind == "zip":
        yield from _members(file, limits, count)
    elif kind == "dicom":
        yield DicomFile(shown, _pieces(file))
    else:
        yield Refusal(shown, _reason(kind))


def opened_archive(file: BinaryIO, limits: Limits) -> zipfile.ZipFile:
    """A ZIP archive whose directory is within the limits. Raises ApiProblem, LimitExceeded."""
    size_bytes = file.seek(0, 2)
    _check_directory_size(file, size_bytes, limits)
    try:
        archive = zipfile.ZipFile(file)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise _broken_archive() from error
    _check_entries(
        [entry for entry in archive.infolist() if not entry.is_dir()], size_bytes, limits
    )
    return archive


def shown_name(name: str) -> str:
    """A sender's name, fit to be shown: printable, and no longer than needed."""
    return "".join(char for char in name if char.isprintable())[:_NAME_MAX_LENGTH] or "(no name)"


def _members(
    file: BinaryIO, limits: Limits, count: Callable[[int], object]
) -> Iterator[DicomFile | Refusal]:
    with opened_archive(file, limits) as archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        count(len(entries))
        for entry in entries:
            yield from _member(archive, entry, limits)


def _member(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, limits: Limits
) -> Iterator[DicomFile | Refusal]:
    name = shown_name(entry.filename)
    try:
        member = archive.open(entry)
    except DAMAGES:
        yield Refusal(name, _DAMAGED)
        return
    with member:
        try:
            head = member.read(_HEAD_BYTES)
        except DAMAGES:
            yield Refusal(name, _DAMAGED)
            return
        # What is no instance is not inflated any further.
        kind = kind_of(head)
        if kind != "dicom":
            yield Refusal(name, _reason(kind, inside=True))
        elif entry.file_size > limits.instance_bytes:
            yield Refusal(
                name,
                f"{name} has more than {limits.instance_bytes} bytes."
                " Raise MEDIVIEW_MAX_INSTANCE_BYTES if instances of this size are wanted.",
            )
        else:
            yield DicomFile(name, _inflated(member, head))


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    while piece := file.read(_CHUNK_BYTES):
        yield piece


def _inflated(member: IO[bytes], head: bytes) -> Iterator[bytes]:
    yield head
    try:
        yield from _pieces(member)
    except DAMAGES as error:
        raise InvalidInstance(_DAMAGED_HERE, remedy=_MAKE_AGAIN) from error


def _check_entries(entries: list[zipfile.ZipInfo], size_bytes: int, limits: Limits) -> None:
    if len(entries) > limits.entries:
        raise LimitExceeded(
            f"The archive has {len(entries)} files; {limits.entries} are allowed.",
            remedy="Send it in parts.",
        )
    if any(entry.flag_bits & _ENCRYPTED for entry in entries):
        raise ApiProblem(
            422,
            "archive_encrypted",
            "The archive is encrypted.",
            title="The archive cannot be opened",
            remedy="Send it without a password; the transfer can be protected by TLS.",
        )
    for entry in entries:
        _check_compression(entry)
        if not 0 <= entry.header_offset < size_bytes:
            raise _broken_archive()
    total_bytes = sum(entry.file_size for entry in entries)
    if total_bytes > limits.total_bytes:
        raise LimitExceeded(
            f"The archive unpacks to {total_bytes} bytes; {limits.total_bytes} are allowed.",
            remedy="Send it in parts, or raise MEDIVIEW_UPLOAD_MAX_BYTES.",
        )
    worst = max((_ratio(entry) for entry in entries), default=0.0)
    whole = total_bytes / max(size_bytes, 1) if total_bytes > _RATIO_FROM_BYTES else 0.0
    if max(worst, whole) > limits.ratio:
        raise LimitExceeded(
            f"The archive unpacks to {round(max(worst, whole))} times its size;"
            f" {limits.ratio} times is allowed.",
            remedy="Send the files with less compression.",
        )


def _check_compression(entry: zipfile.ZipInfo) -> None:
    """Stored and deflated members are read piece by piece; the others inflate without bound."""
    if entry.compress_type in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        return
    method = _METHODS.get(entry.compress_type, f"method {entry.compress_type}")
    raise ApiProblem(
        422,
        "archive_compression",
        f"The archive holds files that are compressed by {method}.",
        title="The archive cannot be opened",
        remedy="Make the archive again with the usual compression (deflate), or without any.",
    )


def _ratio(entry: zipfile.ZipInfo) -> float:
    if entry.file_size <= _RATIO_FROM_BYTES:
        return 0.0
    return entry.file_size / max(entry.compress_size, 1)


def _check_directory_size(file: BinaryIO, size_bytes: int, limits: Limits) -> None:
    """Keep `zipfile` from reading a directory that would fill the memory."""
    tail_bytes = min(size_bytes, 65_535 + _END_RECORD.size + _END64_LOCATOR.size)
    file.seek(size_bytes - tail_bytes)
    tail = file.read(tail_bytes)
    at = tail.rfind(b"PK\x05\x06")
    if at < 0 or len(tail) - at < _END_RECORD.size:
        raise _broken_archive()
    directory_bytes = int(_END_RECORD.unpack_from(tail, at)[5])
    locator_at = at - _END64_LOCATOR.size
    if locator_at >= 0 and tail[locator_at : locator_at + 4] == b"PK\x06\x07":
        end64_offset = int(_END64_LOCATOR.unpack_from(tail, locator_at)[2])
        if end64_offset + _END64_RECORD.size <= size_bytes:
            file.seek(end64_offset)
            record = _END64_RECORD.unpack(file.read(_END64_RECORD.size))
            directory_bytes = max(directory_bytes if directory_bytes != 2**32 - 1 else 0, record[8])
    file.seek(0)
    if directory_bytes > limits.entries * _DIRECTORY_BYTES_PER_ENTRY:
        raise LimitExceeded(
            f"The archive's directory has {directory_bytes} bytes,"
            f" too many for the {limits.entries} files that are allowed.",
            remedy="Send it in parts.",
        )


def _broken_archive() -> ApiProblem:
    return ApiProblem(
        422,
        "archive_broken",
        "The ZIP archive is damaged or incomplete.",
        title="The archive cannot be opened",
        remedy="Make the archive again and send it again.",
    )


def _reason(kind: FileKind, *, inside: bool = False) -> str:
    if kind == "empty":
        return "The file is empty."
    if kind == "zip":
        return "An archive inside an archive is not opened. Send it by itself."
    if kind in PICTURES:
        return (
            "A picture inside an archive is not taken. Send it by itself."
            if inside
            else "A picture is not a DICOM instance."
        )
    return "The file is neither DICOM nor a ZIP archive, a PNG or a JPEG."
