"""A digest of what a file says, the same in whatever encoding.

It is of what `same_content` compares: of two files where only one is here any more. Two that differ
there have different digests. Files that may say one thing to this reader and another to others,
such as one with an attribute twice, have none.
"""

import struct
import warnings
from functools import lru_cache
from io import BytesIO
from typing import TYPE_CHECKING, Any

import structlog

from storage.core.errors import StorageUnavailable
from storage.dicom.dataset_reader import read_part10
from storage.dicom.digests import Hasher, new_hasher
from storage.dicom.element_walker import IrregularEncoding, walker_of
from storage.dicom.file_meta import read_file_meta
from storage.dicom.inflate import INSTANCE, inflate
from storage.ingest.same_content import (
    COMPARED_MAX_BYTES,
    DECODED_MAX_BYTES,
    FRAME_MAX_BYTES,
    PIXELS,
    decoding,
    in_little_endian,
    tags_of,
    words_of,
)

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

log = structlog.get_logger(__name__)

_PIXEL_DATA = 0x7FE00010
_LENGTH = struct.Struct("<Q")
_TAG = struct.Struct("<I")


def content_digest(part10: bytes) -> str:
    """In hexadecimal; empty where it cannot be read, or decoded within bounds."""
    if len(part10) > COMPARED_MAX_BYTES:
        return ""
    # pydicom, for the reason in `storage/dicom/part10.py`.
    from storage.dicom.value_errors import DAMAGED

    hasher = new_hasher()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dataset = read_part10(BytesIO(part10))
            _take_dataset(hasher, dataset)
            _take_pixels(hasher, dataset)
            if _count(dataset) != _count_encoded(part10):
                return ""
    except (StorageUnavailable, IrregularEncoding, *DAMAGED) as error:
        log.info("content_not_digested", cause=type(error).__name__)
        return ""
    return hasher.digest().hex()


def _take(hasher: Hasher, value: bytes) -> None:
    """With its length, so that nothing can be moved from one value to the next."""
    hasher.update(_LENGTH.pack(len(value)))
    hasher.update(value)


def _take_dataset(hasher: Hasher, dataset: "Dataset") -> None:
    tags = list(tags_of(dataset))
    hasher.update(_LENGTH.pack(len(tags)))
    for tag in tags:
        hasher.update(_TAG.pack(tag))
        element = dataset[tag]
        if element.is_empty:
            hasher.update(b"-")
        elif element.VR == "SQ":
            hasher.update(b"S" + _LENGTH.pack(len(element.value)))
            for item in element.value:
                _take_dataset(hasher, item)
        else:
            values = _encoded(dataset, element, tag)
            hasher.update(b"V" + _LENGTH.pack(len(values)))
            for value in values:
                _take(hasher, value)


def _encoded(dataset: "Dataset", element: Any, tag: int) -> list[bytes]:
    """The values, each alike in all encodings."""
    if _has_choice(tag):
        return [words_of(element, dataset)]
    value = element.value
    if isinstance(value, bytes):
        return [in_little_endian(value, str(element.VR), dataset).rstrip(b"\0")]
    return [_text(one).encode() for one in (value if element.VM > 1 else [value])]


@lru_cache(4096)
def _has_choice(tag: int) -> bool:
    """Whether the data dictionary leaves the VR open, such as "US or SS" (PS3.6)."""
    from pydicom.datadict import dictionary_has_tag, dictionary_VR

    return dictionary_has_tag(tag) and " or " in dictionary_VR(tag)


def _text(value: Any) -> str:
    # Numbers as such: "1.0" and "1.00" are one.
    if isinstance(value, float):
        return repr(float(value))
    return str(int(value)) if isinstance(value, int) else str(value)


def _take_pixels(hasher: Hasher, dataset: "Dataset") -> None:
    import numpy as np

    from storage.pixels.decoding import each_frame
    from storage.pixels.frame_encoding import encoding_of

    present = sorted(tag for tag in PIXELS if tag in dataset)
    for tag in present:
        hasher.update(_TAG.pack(tag))
    if present != [_PIXEL_DATA]:
        for tag in present:
            element = dataset[tag]
            _take(hasher, in_little_endian(element.value, str(element.VR), dataset))
        return
    size = encoding_of(dataset, str(dataset.file_meta.TransferSyntaxUID))
    if size.decoded_bytes > FRAME_MAX_BYTES:
        raise ValueError("a frame is too large to be compared")
    with decoding:
        for frame in each_frame(dataset, DECODED_MAX_BYTES):
            hasher.update(repr(frame.shape).encode())
            little_endian = frame.dtype.newbyteorder("<")
            _take(hasher, np.ascontiguousarray(frame, little_endian).tobytes())


def _count(dataset: "Dataset") -> int:
    """Elements and items at all depths, as pydicom has read them."""
    count = 0
    for tag in dataset.keys():  # noqa: SIM118 - values would be decoded
        count += 1
        element = dataset.get_item(tag)
        if element is not None and element.VR == "SQ":
            count += sum(1 + _count(item) for item in dataset[tag].value)
    return count


def _count_encoded(part10: bytes) -> int:
    """The same as they stand in the bytes: more, where an attribute stands there twice."""
    from pydicom.uid import DeflatedExplicitVRLittleEndian

    meta = read_file_meta(part10)
    start, data = meta.dataset_offset, part10
    if meta.transfer_syntax_uid == DeflatedExplicitVRLittleEndian:
        start, data = 0, inflate(part10[start:], INSTANCE)
    return walker_of(
        data, meta.transfer_syntax_uid, start, max_elements=1_000_000, thorough=True
    ).count()
