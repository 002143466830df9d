"""Sequences of a header that stay undecoded until somebody asks for their items.

pydicom decodes those of undefined length at once, and keeps others as their bytes. A header of four
megabytes may hold hundreds of thousands of items, at some 30 µs and a kilobyte each, which hardly
anybody asks for. What is decoded later of a data set counts towards one limit.
"""

import struct
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, BinaryIO, TypeGuard

from storage.dicom.element_limits import MAX_READ_ELEMENTS
from storage.dicom.element_walker import PIXEL_TAGS, UNDEFINED_LENGTH, IrregularEncoding
from storage.dicom.functional_groups import PER_FRAME_GROUPS, read_frames
from storage.dicom.limited_reads import ReadLimit, reading_within
from storage.dicom.sequence_end import SequenceEnds

if TYPE_CHECKING:
    from pydicom.dataset import Dataset

# Of sequences of undefined length, which pydicom reads at once: those of any usual header.
_READ_AT_ONCE_BYTES = 64 * 1024
# Of one that breaks its transfer syntax, so that pydicom alone knows where it ends.
_MOST_IRREGULAR_ELEMENTS = 50_000
_SHORT_BYTES = 256
# None is that of implicit VR.
_MAY_BE_SEQUENCES = ("SQ", "UN", None)
# Of a header; what has more is left out of it. Frames may have kilobytes each.
_MOST_BYTES = 16 << 20
_MOST_BYTES_OF_FRAMES = 64 << 20


class Undecoded(bytes):
    """The value of an element that may be a sequence; decoded once, by the first who asks."""

    limit: ReadLimit
    sequence: Any

    def __reduce__(self) -> tuple[type[bytes], tuple[bytes]]:
        return bytes, (bytes(self),)


def undecoded(value: bytes, limit: ReadLimit) -> Undecoded:
    found = Undecoded(value)
    found.limit, found.sequence = limit, None
    return found


def is_long_sequence(value: Any) -> TypeGuard[bytes]:
    """Whether it is worth counting, should it be a sequence."""
    return isinstance(value, bytes) and len(value) >= _SHORT_BYTES


class Leaving:
    """What of sequences may still be kept of a data set, and read at once."""

    def __init__(self, stream: BinaryIO) -> None:
        self._ends = SequenceEnds(stream)
        self._stream = stream
        self._at_once_bytes = _READ_AT_ONCE_BYTES
        self._bytes_left = _MOST_BYTES
        self._frames_bytes_left = _MOST_BYTES_OF_FRAMES
        self.is_within = False

    def is_kept(self, tag: int, size: int) -> bool:
        """Whether there is room for one of that size; it is taken then."""
        if tag == PER_FRAME_GROUPS:
            self._frames_bytes_left -= size
            return self._frames_bytes_left >= 0
        if size > self._bytes_left:
            return False
        self._bytes_left -= size
        return True

    def is_read_at_once(self, size: int) -> bool:
        if size > self._at_once_bytes:
            return False
        self._at_once_bytes -= size
        return True

    def end_of(self, start: int, implicit: bool, little: bool) -> int:
        return self._ends.end_of(start, implicit, little)

    def value(self, start: int, size: int, implicit: bool, little: bool) -> bytes | None:
        """The items that begin there; None where they are too long to be kept."""
        # The header of the element before them.
        self._stream.seek(start - (8 if implicit else 12))
        group, number = struct.unpack("<HH" if little else ">HH", self._stream.read(4))
        if not self.is_kept(group << 16 | number, size):
            return None
        self._stream.seek(start)
        return self._stream.read(size)


_LEAVING: ContextVar[Leaving | None] = ContextVar("leaving_sequences", default=None)


@contextmanager
def leaving_sequences(stream: BinaryIO) -> Iterator[Leaving]:
    """pydicom leaves long sequences of undefined length of a data set undecoded; `settle` it then.

    `stream`: the one below all limits.
    """
    leaving = Leaving(stream)
    token = _LEAVING.set(leaving)
    try:
        yield leaving
    finally:
        _LEAVING.reset(token)


def have_pydicom_leave_sequences() -> None:
    """Where it is asked for, by `leaving_sequences`; to be called once."""
    from pydicom import filereader
    from pydicom.sequence import Sequence

    read_sequence = filereader.read_sequence

    class Left(Sequence):
        """Stands in a data set for one that was passed."""

        raw: tuple[bytes | None, bool, bool]

    def read_or_leave(
        fp: BinaryIO, implicit: bool, little: bool, length: int, *more: Any, **named: Any
    ) -> Any:
        leaving = _LEAVING.get()
        if leaving is None or leaving.is_within or length != UNDEFINED_LENGTH:
            return read_sequence(fp, implicit, little, length, *more, **named)
        start = fp.tell()
        limit: ReadLimit | None = None
        try:
            end = leaving.end_of(start, implicit, little)
        except IrregularEncoding:
            limit = ReadLimit(_MOST_IRREGULAR_ELEMENTS)
        if limit is None and not leaving.is_read_at_once(end - start - 8):
            left = Left()
            left.raw = leaving.value(start, end - start - 8, implicit, little), implicit, little
            fp.seek(end)
            return left
        fp.seek(start)
        leaving.is_within = True
        try:
            if limit is None:
                return read_sequence(fp, implicit, little, length, *more, **named)
            with reading_within(limit):
                return read_sequence(limit.of(fp), implicit, little, length, *more, **named)
        finally:
            leaving.is_within = False

    vars(filereader)["read_sequence"] = read_or_leave


def settle(dataset: "Dataset") -> None:
    """Have what was left stand as raw elements, those of a whole header under one limit.

    What was too long to be kept is taken out.
    """
    from pydicom.dataelem import DataElement, RawDataElement

    limit = ReadLimit(MAX_READ_ELEMENTS)
    limit.later = lambda value: undecoded(value, limit) if is_long_sequence(value) else value
    for tag, element in list(dataset._dict.items()):
        if isinstance(element, RawDataElement):
            value = element.value
            if is_long_sequence(value) and element.VR in _MAY_BE_SEQUENCES:
                dataset._dict[tag] = element._replace(value=undecoded(value, limit))
            continue
        raw = getattr(element.value, "raw", None) if isinstance(element, DataElement) else None
        if raw is None:
            continue
        value, implicit, little = raw
        if value is None:
            del dataset._dict[tag]
            continue
        dataset._dict[tag] = RawDataElement(
            element.tag,
            "SQ",
            len(value),
            undecoded(value, limit),
            element.file_tell or 0,
            implicit,
            little,
            True,
        )


def decode_sequence(raw: Any, data: dict[str, Any], **more: Any) -> Any:
    """The items of a raw element of VR SQ, as `pydicom.hooks.raw_element_value` makes them."""
    from pydicom import hooks

    value = raw.value
    if not isinstance(value, Undecoded):
        hooks.raw_element_value(raw, data, **more)
        return data["value"]
    if value.sequence is None:
        with reading_within(value.limit):
            if raw.tag == PER_FRAME_GROUPS:
                value.sequence = read_frames(raw, more.get("encoding"))
            else:
                hooks.raw_element_value(raw, data, **more)
                value.sequence = data["value"]
    return value.sequence


def count_unread(dataset: "Dataset", limit: ReadLimit) -> None:
    """Read the sequences that pydicom left for later, where they may hold too many elements.

    By pydicom itself: what it makes of an odd encoding, no other reader would count alike.
    """
    if unread_bytes(dataset) > limit.bytes_left:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            _read_sequences(dataset, limit)


def unread_bytes(dataset: "Dataset") -> int:
    """Of values that may be sequences."""
    from pydicom.dataelem import RawDataElement

    size = 0
    # By no method: it would decode values, or look for those that were passed over.
    for tag, element in dataset._dict.items():
        if isinstance(element, RawDataElement):
            if element.VR in _MAY_BE_SEQUENCES and element.value and int(tag) not in PIXEL_TAGS:
                size += len(element.value)
        elif element.VR == "SQ":
            size += sum(map(unread_bytes, element.value))
    return size


def _read_sequences(dataset: "Dataset", limit: ReadLimit) -> None:
    from pydicom.dataelem import RawDataElement
    from pydicom.hooks import hooks

    from storage.dicom.value_errors import UNREADABLE

    for tag in list(dataset.keys()):
        element = dataset.get_item(tag)
        # The error of a broken one is for who asks for it, as it always was.
        with suppress(*UNREADABLE):
            if isinstance(element, RawDataElement):
                if element.VR not in _MAY_BE_SEQUENCES:
                    continue
                vr: dict[str, str] = {}
                hooks.raw_element_vr(element, vr, ds=dataset)
                if vr["VR"] != "SQ":
                    continue
                element = dataset[tag]
            if element is not None and element.VR == "SQ":
                for item in element.value:
                    _read_sequences(item, limit)
        limit.check()
