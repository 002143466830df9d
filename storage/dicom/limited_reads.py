"""Streams for pydicom that end a data set of too many elements.

pydicom takes some 15 µs and 0.7 KB for each header of an element or item, of which a few KB,
deflated, may hold millions. It reads sequences of defined length when they are asked for:
`storage.dicom.dataset_reader` reads large ones at once, within the same limit.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import BinaryIO, cast

from storage.dicom.element_limits import too_many

# An element takes a read for its header, its length and its value. An item takes one for its
# header, two to see which VRs it has, and one for its delimiter.
_READS_PER_ELEMENT = 4
_HEADER_BYTES = 8
_ITEM_GROUPS = (b"\xfe\xff", b"\xff\xfe")
_DELIMITERS = frozenset(
    {b"\xfe\xff\x0d\xe0", b"\xfe\xff\xdd\xe0", b"\xff\xfe\xe0\x0d", b"\xff\xfe\xe0\xdd"}
)
# How the header of an element ends whose value is as long as a header, in Implicit and Explicit VR.
_LENGTHS_OF_8 = (b"\x08\x00\x00\x00", b"\x08\x00")


class ReadLimit:
    """How many elements, with items, may be read from all streams under it together."""

    def __init__(self, max_elements: int) -> None:
        self._max_elements = max_elements
        self._elements_left = max_elements
        self._reads_left = max_elements * _READS_PER_ELEMENT
        self.later: Callable[[bytes], bytes] | None = None
        """Makes values of such as are decoded later, within the same limit."""

    @property
    def bytes_left(self) -> int:
        """What has fewer is within the limit whatever it holds."""
        return max(0, self._elements_left) * _HEADER_BYTES

    def count_read(self) -> None:
        self._reads_left = left = self._reads_left - 1
        if left < 0:
            self._elements_left = -1
            self.check()

    def count_element(self) -> None:
        self._elements_left = left = self._elements_left - 1
        if left < 0:
            self.check()

    def check(self) -> None:
        """Raises LimitExceeded, also where pydicom made another error of it."""
        if self._elements_left < 0:
            raise too_many(self._max_elements)

    def of(self, stream: BinaryIO) -> BinaryIO:
        """`read` raises LimitExceeded beyond the limit."""
        return cast(BinaryIO, _LimitedReads(stream, self))


_LIMIT: ContextVar[ReadLimit | None] = ContextVar("read_limit", default=None)


class _LimitedReads:
    def __init__(self, stream: BinaryIO, limit: ReadLimit) -> None:
        self._read = stream.read
        self._limit = limit
        self._count_read = limit.count_read
        self._later = limit.later
        self._is_value_next = False
        self.seek = stream.seek
        self.tell = stream.tell
        self.name = getattr(stream, "name", "")

    def read(self, size: int = -1, /) -> bytes:
        self._count_read()
        data = self._read(size)
        if size == _HEADER_BYTES:
            self._count(data)
            return data
        return data if self._later is None else self._later(data)

    def _count(self, header: bytes) -> None:
        """Neither a delimiter nor a value of eight bytes is an element."""
        if self._is_value_next:
            self._is_value_next = False
        elif header[:4] not in _DELIMITERS:
            self._limit.count_element()
            long, short = _LENGTHS_OF_8
            is_as_long = header[4:] == long or (header[6:] == short and header[4:6].isalpha())
            self._is_value_next = is_as_long and header[:2] not in _ITEM_GROUPS


@contextmanager
def reading_within(limit: ReadLimit) -> Iterator[None]:
    """Sequences that pydicom reads inside count, whatever stream they come from."""
    token = _LIMIT.set(limit)
    try:
        yield
    finally:
        _LIMIT.reset(token)
        limit.check()


def counted(stream: BinaryIO) -> BinaryIO:
    """The stream of a sequence, under the limit that is in force."""
    limit = _LIMIT.get()
    return stream if limit is None or isinstance(stream, _LimitedReads) else limit.of(stream)
