"""What data sets take in memory, so that those of a whole series are bounded together.

One instance may state 64 MiB beside its pixels in 61 KiB, deflated; a series of some hundred such
would take any memory while its headers are looked at. What pydicom makes of text of two bytes for
each value takes a hundred times that.
"""

from typing import TYPE_CHECKING, Any

from storage.core.errors import LimitExceeded
from storage.dicom.functional_groups import PER_FRAME_GROUPS
from storage.dicom.long_values import LONG_VALUE_BYTES

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

MAX_HEADERS_BYTES = 768 << 20
"""Of some 20,000 slices, or of two images of 10,000 frames each with all items read."""

_LONG_BINARY_BYTES = 64 * 1024
_BINARY_VRS = frozenset({"OB", "OD", "OF", "OL", "OV", "OW", "UN"})
# What pydicom takes beside the values, measured.
_ELEMENT_BYTES, _ITEM_BYTES = 256, 2048
# Of each value, once somebody asks for it; the first ones are in the element's.
_TEXT_VALUE_BYTES, _NUMBER_BYTES, _FIRST_VALUES = 400, 40, 64
_NUMBER_SIZES = {"US": 2, "SS": 2, "AT": 4, "FL": 4, "SL": 4, "UL": 4, "FD": 8, "SV": 8, "UV": 8}
# Nobody writes a condition on that many.
_MANY_VALUES = 1_000

MAX_PIXELS_BYTES = 8 << 30
"""With pixels as they are stored: twice the voxels that a volume may have, of four bytes."""


class SizeBudget:
    """For the data sets of a series that are held at a time."""

    def __init__(self, most_bytes: int, what: str) -> None:
        """`what`: in the plural, for the sentence."""
        self._most_bytes = most_bytes
        self._what = what
        self._left = most_bytes

    def take(self, dataset: "Dataset") -> None:
        """Count it. Raises LimitExceeded where all together are too large."""
        self._left -= size_of(dataset)
        if self._left < 0:
            raise LimitExceeded(
                f"The {self._what} of the series take more than {self._most_bytes >> 20} MiB.",
                remedy="Check the sending system; ask for the series without private data.",
            )


def without_long_binary(header: "Dataset") -> None:
    """Take out binary values of more than 64 KiB, beside which nobody decides anything.

    Such as the raw data that some vendors put into private elements; sequences stay.
    """
    # By no method, here and below: those of pydicom take longer than all the rest, and these are
    # asked of each element of thousands of instances.
    for tag, element in list(header._dict.items()):
        value = element.value
        is_long = isinstance(value, bytes) and len(value) > _LONG_BINARY_BYTES
        if is_long and (element.VR in _BINARY_VRS or (element.VR is None and tag.is_private)):
            del header[tag]


def without_long_values(header: "Dataset", most_bytes: int) -> None:
    """Take out values of more than that, or very many, beside sequences: no condition asks for
    them."""
    for tag in list(header.keys()):
        element = header.get_item(tag)
        value = getattr(element, "value", None)
        if not isinstance(value, bytes | str):
            continue
        if len(value) <= min(most_bytes, _MANY_VALUES):
            continue
        vr = _vr_of(element)
        if vr != "SQ" and (len(value) > most_bytes or _count_values(vr, value) > _MANY_VALUES):
            del header[tag]


def only_frames_of_long_sequences(header: "Dataset") -> None:
    """Take out sequences of more than a MiB, but for the groups of frames, which are decoded.

    So `size_of` counts these as they will be held. Beside the others nobody decides anything.
    """
    from pydicom.dataelem import RawDataElement

    if PER_FRAME_GROUPS in header:
        _ = header[PER_FRAME_GROUPS]
    for tag, element in list(header._dict.items()):
        # In Implicit VR those of more than a MiB have a VR, too.
        if (
            element.VR == "SQ"
            and isinstance(element, RawDataElement)
            and element.length > LONG_VALUE_BYTES
        ):
            del header[tag]


def size_of(dataset: "Dataset") -> int:
    """In bytes, as if all values were decoded, and without decoding any."""
    from storage.dicom.later_element import LaterElement

    size = _ELEMENT_BYTES * len(dataset._dict)
    for element in dataset._dict.values():
        if isinstance(element, LaterElement):
            size += element.size_bytes
            continue
        value = element.value
        if isinstance(value, (bytes, str)):
            size += len(value)
            if len(value) > _FIRST_VALUES:
                size += _bytes_of_values(element, value)
        elif element.VR == "SQ" and value is not None:
            size += sum(_ITEM_BYTES + size_of(item) for item in value)
    return size


def _bytes_of_values(element: Any, value: bytes | str) -> int:
    vr = _vr_of(element)
    many = _count_values(vr, value) - _FIRST_VALUES
    each = _NUMBER_BYTES if vr in _NUMBER_SIZES else _TEXT_VALUE_BYTES
    return max(0, many) * each


def _count_values(vr: str, value: bytes | str) -> int:
    """How many pydicom would make of it: of text as many as are divided by backslashes."""
    if vr in _NUMBER_SIZES:
        return len(value) // _NUMBER_SIZES[vr]
    if vr in _BINARY_VRS or "OW" in vr:
        return 1
    return 1 + (value.count(b"\\") if isinstance(value, bytes) else value.count("\\"))


def _vr_of(element: Any) -> str:
    """As pydicom will take it."""
    from pydicom.datadict import dictionary_VR

    if element.VR not in (None, "UN"):
        return str(element.VR)
    try:
        return dictionary_VR(element.tag)
    except KeyError:
        return "UN"
