"""Part 10 files as pydicom data sets, deflated ones inflated within bounds.

`pydicom.dcmread` inflates whatever a file holds, so files that came from outside are read
here. pydicom is imported where it is used, for the reason in `storage/dicom/part10.py`.
"""

import io
from collections.abc import Sequence
from contextlib import nullcontext, suppress
from functools import cache
from typing import TYPE_CHECKING, BinaryIO

from storage.core.errors import InvalidInstance, LimitExceeded
from storage.core.padding import unpadded_ascii
from storage.core.whole_numbers import read_whole_number
from storage.dicom.element_limits import (
    MAX_ELEMENTS,
    MAX_TOP_LEVEL_ELEMENTS,
    most_deflated_elements,
    most_elements,
)
from storage.dicom.element_walker import (
    PIXEL_TAGS,
    ElementWalker,
    IrregularEncoding,
    walker_of,
)
from storage.dicom.file_meta import FILE_META_MAX_BYTES, FileMeta, read_file_meta
from storage.dicom.inflate import INSTANCE, MESSAGE, inflate
from storage.dicom.limited_reads import limited

if TYPE_CHECKING:
    from pydicom.dataset import Dataset, FileDataset

_DEFLATED = "1.2.840.10008.1.2.1.99"
_NUMBER_OF_FRAMES = 0x00280008

MAX_MESSAGE_ELEMENTS = 200_000
"""A storage commitment of 60,000 instances has as many, items and UIDs counted."""

# Headers that are shorter have few elements.
_COUNTED_FROM_BYTES = 2**20
# Systems that encode oddly ask short questions.
_IRREGULAR_MESSAGE_BYTES = 256 * 1024
_META_BYTES = 4 * 1024
_PREAMBLE_BYTES = 128
_PREFIX_BYTES = 132


def read_part10(
    file: BinaryIO,
    *,
    stop_before_pixels: bool = False,
    stop_after: str = "",
    specific_tags: Sequence[str] | None = None,
) -> "FileDataset":
    """What `pydicom.dcmread` gives for a part 10 file that is open at its start.

    `stop_after`: a keyword; nothing behind that element is read.

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
    # As an instance that arrives is counted: the plain ones of the top level by themselves.
    max_elements = MAX_TOP_LEVEL_ELEMENTS + MAX_ELEMENTS
    if syntax == DeflatedExplicitVRLittleEndian:
        deflated = file.read()
        stream = io.BytesIO(inflate(deflated, INSTANCE))
        max_elements = MAX_TOP_LEVEL_ELEMENTS + most_deflated_elements(len(deflated))

    last = Tag(stop_after) if stop_after else None

    def at_end(tag: "BaseTag", vr: str | None, length: int) -> bool:
        if last is not None:
            return bool(tag > last)
        return tag in (0x7FE00008, 0x7FE00009, 0x7FE00010)

    tags: list[BaseTag | int] | None = None
    if specific_tags is not None:
        tags = [Tag("SpecificCharacterSet"), *(Tag(keyword) for keyword in specific_tags)]
    dataset = read_dataset(
        limited(stream, max_elements),
        implicit,
        little,
        stop_when=at_end if stop_before_pixels or last is not None else None,
        specific_tags=tags,
    )
    found = FileDataset(stream, dataset, head[:_PREAMBLE_BYTES], file_meta, implicit, little)
    found.set_original_encoding(implicit, little, dataset._character_set)
    return found


def decode_message(data: bytes, transfer_syntax_uid: str) -> "Dataset":
    """The data set of a DIMSE message other than C-STORE: no pixels, and not many elements.

    Raises CannotInflate, LimitExceeded, and what pydicom raises.
    """
    from pydicom.filereader import read_dataset
    from pydicom.uid import UID

    _prepare_pydicom()
    syntax = UID(transfer_syntax_uid)
    if syntax.is_deflated:
        data = inflate(data, MESSAGE)
    implicit, little = bool(syntax.is_implicit_VR), bool(syntax.is_little_endian)
    _check_element_count(data, explicit=not implicit, big=not little)
    return read_dataset(io.BytesIO(data), implicit, little)


def check_element_count(data: bytes | bytearray) -> None:
    """Raises LimitExceeded where part 10 bytes, or their beginning, hold too many elements.

    Those of sequences of defined length, too, which pydicom reads when they are asked for. How
    many may be goes by the frames that the bytes state.
    """
    meta = read_file_meta(data[:FILE_META_MAX_BYTES])
    start, syntax = meta.dataset_offset, meta.transfer_syntax_uid
    if syntax == _DEFLATED:
        data, start = inflate(data[start:], INSTANCE), 0
    if len(data) < _COUNTED_FROM_BYTES:
        return
    # What breaks the rules of its transfer syntax is counted as far as it keeps them.
    with suppress(IrregularEncoding, InvalidInstance):
        stated = walker_of(data, syntax, start).values({_NUMBER_OF_FRAMES})
        frames = read_whole_number(unpadded_ascii(stated.get(_NUMBER_OF_FRAMES, b""), "IS")) or 0
        most = most_elements(frames)
        for element in walker_of(data, syntax, start, max_elements=most, thorough=True):
            if element.tag in PIXEL_TAGS:
                return


@cache
def _prepare_pydicom() -> None:
    """Have pydicom read values as the node does, and raise an error of a nested element as it is.

    It would write the error and its traceback, which holds the error once more, into the
    text of a new error at each level: a broken value forty levels deep fills any memory.
    """
    from pydicom import dataset, filewriter

    import storage.dicom.unpadded_reading  # noqa: F401

    for module in (dataset, filewriter):
        vars(module)["tag_in_exception"] = nullcontext


def _check_element_count(data: bytes, *, explicit: bool, big: bool) -> None:
    """Raises LimitExceeded: pydicom takes a kilobyte for an element of eight bytes."""
    walker = ElementWalker(
        data, 0, explicit=explicit, big=big, max_elements=MAX_MESSAGE_ELEMENTS, thorough=True
    )
    try:
        for _ in walker:
            pass
    except (IrregularEncoding, InvalidInstance) as error:
        if len(data) > _IRREGULAR_MESSAGE_BYTES:
            raise LimitExceeded(
                f"A data set of {len(data)} bytes breaks the rules of its transfer syntax.",
                remedy="Check the sending system.",
            ) from error


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
