"""Part 10 files as pydicom data sets, deflated ones inflated within bounds.

`pydicom.dcmread` inflates whatever a file holds, so files that came from outside are read
here. pydicom is imported where it is used, for the reason in `storage/dicom/part10.py`.
"""

import io
from collections.abc import Sequence
from contextlib import nullcontext
from functools import cache
from typing import TYPE_CHECKING, Any, BinaryIO, Literal, cast

from storage.core.errors import InvalidInstance
from storage.dicom.element_limits import MAX_READ_ELEMENTS, most_deflated_elements
from storage.dicom.element_walker import PIXEL_TAGS
from storage.dicom.file_meta import FILE_META_MAX_BYTES, FileMeta, read_file_meta
from storage.dicom.inflate import INSTANCE, MESSAGE, InflatingStream, inflate
from storage.dicom.kept_elements import have_pydicom_keep_nothing, keeping_nothing
from storage.dicom.limited_reads import ReadLimit, counted, reading_within
from storage.dicom.long_values import (
    LONG_VALUE_BYTES,
    ShortReads,
    drop_unread,
    keep_sequences,
    keep_unread,
    read_long_sequences,
)
from storage.dicom.messages.values import check_message, check_values
from storage.dicom.undecoded import (
    count_unread,
    have_pydicom_leave_sequences,
    leaving_sequences,
    settle,
    unread_bytes,
)

if TYPE_CHECKING:
    from pydicom.dataset import Dataset, FileDataset

LongValues = Literal["read", "left out", "noted"]

PIXELS_BEHIND = "pixels_behind"
"""An attribute of what `read_part10` gives: tag and VR of the pixels before which it stopped."""
MAX_MESSAGE_ELEMENTS = 200_000
"""A storage commitment of 60,000 instances has as many, items and UIDs counted."""

_META_BYTES = 4 * 1024
_PREAMBLE_BYTES, _PREFIX_BYTES = 128, 132


def read_part10(
    file: BinaryIO,
    *,
    stop_before_pixels: bool = False,
    stop_after: str = "",
    specific_tags: Sequence[str] | None = None,
    long_values: LongValues = "read",
    max_elements: int | None = None,
) -> "FileDataset":
    """What `pydicom.dcmread` gives for a part 10 file that is open at its start.

    `stop_after`: a keyword; nothing behind that element is read. `long_values`: those of a
    MiB and more are never read, and left out or `noted` (`storage.dicom.long_values`), but for
    those within sequences that nobody has decoded yet (`storage.dicom.undecoded`).
    `max_elements`: fewer than may be read of any instance, with items.

    Raises InvalidInstance without a File Meta Information that names the transfer syntax,
    LimitExceeded where a deflated data set grows beyond its limit or there are too many
    elements, and what pydicom raises.
    """
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.filereader import read_dataset
    from pydicom.tag import BaseTag, Tag
    from pydicom.uid import UID, DeflatedExplicitVRLittleEndian, ExplicitVRBigEndian

    _prepare_pydicom()
    head, meta = _file_meta(file)
    file_meta = FileMetaDataset(
        read_dataset(io.BytesIO(head[_PREFIX_BYTES : meta.dataset_offset]), False, True)
    )
    syntax = UID(meta.transfer_syntax_uid)
    # All but three registered syntaxes are Explicit VR Little Endian (PS3.5 annex A.4).
    implicit = syntax.is_transfer_syntax and not syntax.is_private and syntax.is_implicit_VR
    little = syntax != ExplicitVRBigEndian
    file.seek(meta.dataset_offset)
    stream: BinaryIO = file
    most = min(MAX_READ_ELEMENTS, max_elements or MAX_READ_ELEMENTS)
    limit = ReadLimit(most)
    if syntax == DeflatedExplicitVRLittleEndian:
        deflated = file.read()
        if stop_before_pixels or stop_after:
            # As far as the header goes: pixels may be a thousand times as long.
            stream = cast(BinaryIO, InflatingStream(deflated))
        else:
            stream = io.BytesIO(inflate(deflated, INSTANCE))
        limit = ReadLimit(min(most, most_deflated_elements(len(deflated))))

    found_pixels: list[tuple[int, str]] = []
    last = int(Tag(stop_after)) if stop_after else None

    # As numbers: tags compare themselves in ten times as long, for each element.
    def at_end(tag: "BaseTag", vr: str | None, length: int) -> bool:
        if last is not None:
            return int(tag) > last
        if int(tag) in PIXEL_TAGS:
            found_pixels.append((int(tag), vr or ""))
            return True
        return False

    tags: list[BaseTag | int] | None = None
    if specific_tags is not None:
        tags = [Tag("SpecificCharacterSet"), *(Tag(keyword) for keyword in specific_tags)]
    dataset = _read_within(
        limit,
        stream,
        implicit,
        little,
        stop_when=at_end if stop_before_pixels or last is not None else None,
        specific_tags=tags,
        long_values=long_values,
    )
    # Without the stream, which would stay as long as the data set: inflated, with its pixels.
    found = FileDataset("", dataset, head[:_PREAMBLE_BYTES], file_meta, implicit, little)
    found.set_original_encoding(implicit, little, dataset._character_set)
    vars(found)[PIXELS_BEHIND] = found_pixels[0] if found_pixels else None
    return found


def decode_message(
    data: bytes, transfer_syntax_uid: str, max_elements: int = MAX_MESSAGE_ELEMENTS
) -> "Dataset":
    """The data set of a DIMSE message other than C-STORE: no pixels, not many elements and values.

    Raises CannotInflate, LimitExceeded, and what pydicom raises.
    """
    from pydicom.uid import UID

    _prepare_pydicom()
    syntax = UID(transfer_syntax_uid)
    if syntax.is_deflated:
        data = inflate(data, MESSAGE)
    implicit, little = bool(syntax.is_implicit_VR), bool(syntax.is_little_endian)
    check_message(data, transfer_syntax_uid, max_elements)
    dataset = _read_within(ReadLimit(max_elements), io.BytesIO(data), implicit, little)
    check_values(dataset)
    return dataset


def read_up_to(file: BinaryIO, implicit: bool, little: bool, last: int) -> "Dataset":
    """The elements up to a tag; the file, which stands at the first, stands behind them then.

    Raises LimitExceeded, and what pydicom raises.
    """
    _prepare_pydicom()
    return _read_within(
        ReadLimit(MAX_READ_ELEMENTS),
        file,
        implicit,
        little,
        stop_when=lambda tag, _vr, _length: tag > last,
    )


def check_readable(file: BinaryIO, implicit: bool, little: bool, last: int) -> None:
    """Have pydicom pass the elements up to a tag, without keeping what it reads.

    It would take a kilobyte for each item, of which a few megabytes hold hundreds of thousands.
    Others have their turn in between. Raises LimitExceeded, and what pydicom raises.
    """
    from pydicom.filereader import read_dataset

    _prepare_pydicom()
    limit = ReadLimit(MAX_READ_ELEMENTS)
    with reading_within(limit), keeping_nothing():
        read_dataset(
            limit.of(file),
            implicit,
            little,
            stop_when=lambda tag, _vr, _length: tag > last,
            defer_size=_META_BYTES,
        )


def _read_within(
    limit: ReadLimit,
    stream: BinaryIO,
    implicit: bool,
    little: bool,
    long_values: LongValues = "read",
    **more: Any,
) -> "Dataset":
    from pydicom.filereader import read_dataset

    with reading_within(limit):
        if long_values == "read":
            dataset = read_dataset(limit.of(stream), implicit, little, **more)
            count_unread(dataset, limit)
            return dataset
        short = ShortReads(stream)
        reads = limit.of(cast(BinaryIO, short))
        # Of an undefined length, too, which is not read in one piece.
        more["defer_size"] = LONG_VALUE_BYTES
        if long_values == "noted":
            dataset = read_dataset(reads, implicit, little, **more)
            if not short.are_complete:
                # What has more would have its elements counted, with all values read.
                most_bytes = limit.bytes_left - unread_bytes(dataset)
                read_long_sequences(dataset, reads, stream, most_bytes)
                keep_unread(dataset)
            count_unread(dataset, limit)
            return dataset
        with leaving_sequences(stream) as leaving:
            dataset = read_dataset(reads, implicit, little, **more)
        if not short.are_complete:
            keep_sequences(dataset, stream, leaving.is_kept)
    settle(dataset)
    if not short.are_complete:
        drop_unread(dataset)
    return dataset


@cache
def _prepare_pydicom() -> None:
    """Have pydicom read values as the node does, within its limits, and raise errors as they are.

    It would write the error of a nested element and its traceback, which holds the error once
    more, into the text of a new error at each level: a broken value forty levels deep fills any
    memory.
    """
    from pydicom import dataset, filewriter, values

    import storage.dicom.unpadded_reading  # noqa: F401

    for module in (dataset, filewriter):
        vars(module)["tag_in_exception"] = nullcontext
    read_sequence = vars(values)["read_sequence"]

    def read_counted(stream: BinaryIO, *more: Any, **named: Any) -> Any:
        return read_sequence(counted(stream), *more, **named)

    vars(values)["read_sequence"] = read_counted
    have_pydicom_keep_nothing()
    have_pydicom_leave_sequences()


def _file_meta(file: BinaryIO) -> tuple[bytes, FileMeta]:
    """The file's first bytes, up to the data set at least, and what they say."""
    head = file.read(_META_BYTES)
    try:
        return head, read_file_meta(head)
    except InvalidInstance:
        if len(head) < _META_BYTES:
            raise
        head += file.read(FILE_META_MAX_BYTES - len(head))
        return head, read_file_meta(head)
