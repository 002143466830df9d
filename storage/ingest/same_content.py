"""Whether two files of one UID say the same in two encodings.

A PACS sends an image again in another transfer syntax, or another character set, than the
modality did. That is no other content: the attributes and the pixels are equal once they are
decoded, and nobody has anything to decide.
"""

import threading
import warnings
from collections.abc import Iterator
from io import BytesIO
from typing import TYPE_CHECKING, Any

from storage.core.errors import StorageUnavailable
from storage.core.text.padding import unpadded_bytes
from storage.dicom.dataset_reader import read_part10

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

COMPARED_MAX_BYTES = 64 << 20
"""Of each file; of larger ones the bytes alone are compared."""

DECODED_MAX_BYTES = 512 << 20
FRAME_MAX_BYTES = 64 << 20
decoding = threading.Lock()
_SPECIFIC_CHARACTER_SET = 0x00080005
_PLANAR_CONFIGURATION = 0x00280006
_DATA_SET_TRAILING_PADDING = 0xFFFCFFFC
PIXELS = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})
# How pixels are laid out, which is settled by comparing them decoded (PS3.3 C.7.6.3.1.10).
_OF_ENCODING = PIXELS | {
    _SPECIFIC_CHARACTER_SET, _PLANAR_CONFIGURATION, _DATA_SET_TRAILING_PADDING,
    0x7FE00001, 0x7FE00002,
}  # fmt: skip
_WORD_BYTES = {"OW": 2, "OF": 4, "OL": 4, "OD": 8, "OV": 8}


def is_same_content(one: bytes, other: bytes) -> bool:
    """Whether two part 10 files have the same attributes and pixels.

    What cannot be read, or decoded within bounds, is not the same: a person looks at it.
    """
    if max(len(one), len(other)) > COMPARED_MAX_BYTES:
        return False
    # pydicom, for the reason in `storage/dicom/part10.py`.
    from storage.dicom.value_errors import DAMAGED

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            first, second = read_part10(BytesIO(one)), read_part10(BytesIO(other))
            return _are_equal(first, second) and _have_equal_pixels(first, second)
    except (StorageUnavailable, *DAMAGED):
        return False


def _are_equal(one: "Dataset", other: "Dataset") -> bool:
    tags = list(tags_of(one))
    return tags == list(tags_of(other)) and all(_is_equal(one, other, tag) for tag in tags)


def tags_of(dataset: "Dataset") -> Iterator[int]:
    """Without group lengths, and without what belongs to the encoding."""
    return (int(tag) for tag in sorted(dataset.keys()) if tag.element and tag not in _OF_ENCODING)


def _is_equal(one: "Dataset", other: "Dataset", tag: int) -> bool:
    raw, other_raw = _raw(one, tag), _raw(other, tag)
    first, second = one[tag], other[tag]
    if first.is_empty and second.is_empty:
        return True
    if "SQ" in (first.VR, second.VR):
        items, other_items = _items(first, raw), _items(second, other_raw)
        return len(items) == len(other_items) and all(map(_are_equal, items, other_items))
    if "UN" in (first.VR, second.VR):
        # Implicit VR does not say what a private element is.
        if raw is None or other_raw is None:
            return bool(first.value == second.value)
        return unpadded_bytes(raw, "UN") == unpadded_bytes(other_raw, "UN")
    if first.VR != second.VR and _may_be_either(tag, first.VR, second.VR):
        return words_of(first, one) == words_of(second, other)
    return bool(_value(one, tag) == _value(other, tag))


def _may_be_either(tag: int, *vrs: str) -> bool:
    """Whether the data dictionary leaves the choice between the VRs (PS3.6, such as "US or SS").

    Implicit VR does not state it, and what Explicit VR states may differ from what follows from
    other elements, such as Pixel Representation (PS3.5 A.1).
    """
    from pydicom.datadict import dictionary_has_tag, dictionary_VR

    choices = dictionary_VR(tag).split(" or ") if dictionary_has_tag(tag) else []
    return len(choices) > 1 and all(set(vr.split(" or ")) <= set(choices) for vr in vrs)


def words_of(element: Any, dataset: "Dataset") -> bytes:
    """The value of US, SS, OB or OW as it is in little endian, with or without a sign."""
    value = element.value
    if isinstance(value, bytes):
        return in_little_endian(value, str(element.VR), dataset)
    numbers = value if element.VM > 1 else [value]
    return b"".join((number & 0xFFFF).to_bytes(2, "little") for number in numbers)


def _items(element: Any, raw: bytes | None) -> "list[Dataset]":
    """Of a sequence, or of a private one whose VR is not known (PS3.5 6.2.2, note 2)."""
    from pydicom.values import convert_SQ

    if element.VR == "SQ" or raw is None:
        return list(element.value)
    return list(convert_SQ(raw, is_implicit_VR=True, is_little_endian=True))


def _raw(dataset: "Dataset", tag: int) -> bytes | None:
    value = getattr(dataset.get_item(tag), "value", None)
    return value if isinstance(value, bytes) else None


def _value(dataset: "Dataset", tag: int) -> Any:
    element = dataset[tag]
    value = element.value
    if isinstance(value, bytes):
        return in_little_endian(value, str(element.VR), dataset).rstrip(b"\0")
    return None if element.is_empty else value


def in_little_endian(value: bytes, vr: str, dataset: "Dataset") -> bytes:
    size = _WORD_BYTES.get(vr, 1)
    if size == 1 or dataset.original_encoding[1] is not False or len(value) % size:
        return value
    swapped = bytearray(value)
    for position in range(size):
        swapped[position::size] = value[size - 1 - position :: size]
    return bytes(swapped)


def _have_equal_pixels(one: "Dataset", other: "Dataset") -> bool:
    present = [tag for tag in PIXELS if tag in one]
    if present != [tag for tag in PIXELS if tag in other]:
        return False
    if not present:
        return True
    if present != [0x7FE00010]:
        return all(_value(one, tag) == _value(other, tag) for tag in present)
    laid_out_alike = one.get(_PLANAR_CONFIGURATION) == other.get(_PLANAR_CONFIGURATION)
    if laid_out_alike and all(map(_is_native_little_endian, (one, other))):
        return bool(_value(one, 0x7FE00010) == _value(other, 0x7FE00010))
    return _have_equal_frames(one, other)


def _have_equal_frames(one: "Dataset", other: "Dataset") -> bool:
    """Frame by frame, and one pair of instances at a time: anybody may send what costs this."""
    import numpy as np

    from storage.pixels.decoding import each_frame
    from storage.pixels.frame_encoding import encoding_of

    counts = {int(each.get("NumberOfFrames") or 1) for each in (one, other)}
    sizes = (encoding_of(each, str(each.file_meta.TransferSyntaxUID)) for each in (one, other))
    if len(counts) > 1 or any(size.decoded_bytes > FRAME_MAX_BYTES for size in sizes):
        return False
    with decoding:
        frames = (each_frame(each, DECODED_MAX_BYTES) for each in (one, other))
        pairs = zip(*frames, strict=True)
        return all(np.array_equal(first, second) for first, second in pairs)


def _is_native_little_endian(dataset: Any) -> bool:
    syntax = dataset.file_meta.TransferSyntaxUID
    return bool(syntax.is_little_endian and not syntax.is_encapsulated)
