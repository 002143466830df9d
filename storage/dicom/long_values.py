"""Reading data sets without their long values, at any depth.

One private element may have gigabytes, and so may a few dozen of less. What is passed over stays
in the data set as an element without a value, of which `unread` says where it lies in the file.
Sequences are read all the same: a few MiB of them as their bytes, and what is longer item by item.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, BinaryIO

from storage.core.errors import LimitExceeded

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

LONG_VALUE_BYTES = 1 << 20
"""What is longer is passed over."""
_KEPT_BYTES = 64 << 20
"""Of all values above `_SHORT_BYTES`, before any more of them is passed over."""
# pydicom looks for the end of an undefined length in pieces of 8 KiB.
_SHORT_BYTES = 16 * 1024
_MOST_BYTES = 256 << 20
_UNDEFINED_LENGTH = 0xFFFFFFFF
_MAY_BE_SEQUENCES = ("SQ", "UN", None)


@dataclass(frozen=True)
class Unread:
    """A value in the part 10 file, which is not deflated."""

    vr: str
    """Empty in Implicit VR."""
    offset: int
    length: int
    is_little_endian: bool


class ShortReads:
    """A stream for pydicom that passes over long values as if they were empty.

    `read` raises LimitExceeded where short ones together are too long to be held.
    """

    def __init__(self, stream: BinaryIO) -> None:
        self._read = stream.read
        self._seek = stream.seek
        self._taken = 0
        self._has_gap = False
        self.tell = stream.tell
        self.name = getattr(stream, "name", "")

    @property
    def are_complete(self) -> bool:
        """Whether nothing was passed over; a long value of undefined length is read in pieces."""
        return not self._has_gap and self._taken <= LONG_VALUE_BYTES

    def seek(self, offset: int, whence: int = 0, /) -> int:
        """pydicom passes over values as well."""
        before = self.tell()
        after = self._seek(offset, whence)
        self._has_gap = self._has_gap or after > before
        return after

    # Some hundred times for each instance of thousands.
    def read(self, size: int = -1, /) -> bytes:
        if size > _SHORT_BYTES and (size > LONG_VALUE_BYTES or self._taken > _KEPT_BYTES):
            self.seek(size, 1)
            return b""
        data = self._read(size)
        length = len(data)
        self._taken = taken = self._taken + length
        if length < size:
            self._has_gap = True
        if taken > _MOST_BYTES:
            raise LimitExceeded(
                f"The data set has more than {_MOST_BYTES >> 20} MiB beside its pixels and long"
                " values.",
                remedy="Check the sending system; ask for the instance without private data.",
            )
        return data


def unread(element: Any) -> Unread | None:
    """Where the value of an element lies that was passed over; None for any other."""
    from pydicom.dataelem import RawDataElement

    if (
        not isinstance(element, RawDataElement)
        or element.value
        or element.length in (0, _UNDEFINED_LENGTH)
    ):
        return None
    return Unread(
        element.VR or "", element.value_tell, element.length, bool(element.is_little_endian)
    )


def keep_sequences(dataset: "Dataset", file: BinaryIO, is_kept: Callable[[int, int], bool]) -> None:
    """Have sequences that were passed over stand as their bytes, for who asks for their items.

    `is_kept`: whether one of that tag and length shall; others stay without a value.
    """
    for tag, element in list(dataset._dict.items()):
        found = _unread_sequence(dataset, element)
        if found is not None and is_kept(tag, found.length):
            file.seek(found.value_tell)
            dataset._dict[tag] = found._replace(VR="SQ", value=file.read(found.length))


def _unread_sequence(dataset: "Dataset", element: Any) -> Any:
    """The element, where it is one."""
    from pydicom.hooks import hooks

    if unread(element) is None or element.VR not in _MAY_BE_SEQUENCES:
        return None
    vr: dict[str, str] = {}
    hooks.raw_element_vr(element, vr, ds=dataset)
    return element if vr["VR"] == "SQ" else None


def read_long_sequences(
    dataset: "Dataset", reads: BinaryIO, file: BinaryIO, most_bytes: int
) -> int:
    """Read sequences that were passed over, and in them again no long value.

    As long as `most_bytes` are left for them they are held as their bytes, for who asks for their
    items: those of thousands of frames take a second. `reads`: the limited stream over `file`.
    Returns how many bytes are left then.
    """
    from pydicom import filereader
    from pydicom.dataelem import DataElement, RawDataElement

    for tag, element in list(dataset._dict.items()):
        if isinstance(element, RawDataElement):
            if _unread_sequence(dataset, element) is None:
                continue
            file.seek(element.value_tell)
            if element.length <= most_bytes:
                most_bytes -= element.length
                dataset._dict[tag] = element._replace(VR="SQ", value=file.read(element.length))
                continue
            items = filereader.read_sequence(
                reads,
                element.is_implicit_VR,
                element.is_little_endian,
                element.length,
                dataset._character_set,
            )
            dataset._dict[tag] = DataElement(tag, "SQ", items, element.value_tell)
        for item in _items(dataset._dict[tag]):
            most_bytes = read_long_sequences(item, reads, file, most_bytes)
    return most_bytes


def keep_unread(dataset: "Dataset") -> None:
    """Leave what was passed over as elements without a value; pydicom would look for a file."""
    from pydicom.dataelem import RawDataElement

    for tag, element in list(dataset._dict.items()):
        if isinstance(element, RawDataElement) and element.value is None and element.length:
            dataset._dict[tag] = element._replace(value=b"")


def drop_unread(dataset: "Dataset") -> None:
    """Take out what was passed over, at any depth, as nobody may ask for its value."""
    for tag, element in list(dataset._dict.items()):
        if unread(element) is not None or _is_unread_undefined(element):
            del dataset._dict[tag]
        else:
            for item in _items(element):
                drop_unread(item)


def _is_unread_undefined(element: Any) -> bool:
    """One of undefined length of which pydicom keeps no value, since it is long."""
    from pydicom.dataelem import RawDataElement

    return (
        isinstance(element, RawDataElement)
        and element.value is None
        and element.length == _UNDEFINED_LENGTH
    )


def _items(element: Any) -> Iterator["Dataset"]:
    from pydicom.dataelem import DataElement

    if isinstance(element, DataElement) and element.VR == "SQ":
        yield from element.value
