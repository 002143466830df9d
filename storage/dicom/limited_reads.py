"""A stream for pydicom that ends a data set of too many elements.

pydicom takes some 15 µs and 0.7 KB for each header of an element or item, of which a few KB,
deflated, may hold millions. The limits are those of an instance as it arrives, so that
whatever was accepted can be read.
"""

import io
from typing import BinaryIO, cast

from storage.dicom.element_limits import MAX_IRREGULAR_ELEMENTS, too_many

# An element takes a read for its tag, its length and its value. An item takes one for its tag,
# two to see which VRs it has, and one for its delimiter.
_READS_PER_ELEMENT = 4


class _LimitedReads:
    def __init__(self, stream: BinaryIO, max_elements: int) -> None:
        self._read = stream.read
        self._max_elements = max_elements
        self._reads_left = max_elements * _READS_PER_ELEMENT
        self.seek = stream.seek
        self.tell = stream.tell
        self.name = getattr(stream, "name", "")

    def read(self, size: int = -1, /) -> bytes:
        self._reads_left -= 1
        if self._reads_left < 0:
            raise too_many(self._max_elements)
        return self._read(size)


def limited(stream: BinaryIO, max_elements: int) -> BinaryIO:
    """For a whole instance. `read` raises LimitExceeded beyond `max_elements`, with items."""
    return cast(BinaryIO, _LimitedReads(stream, max_elements))


def limited_header(data: bytes) -> BinaryIO:
    """For the first attributes of one that does not follow its transfer syntax."""
    return cast(BinaryIO, _LimitedReads(io.BytesIO(data), MAX_IRREGULAR_ELEMENTS))
