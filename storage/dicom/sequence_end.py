"""Where a sequence of undefined length ends, found by the headers of its items alone.

pydicom decodes such a sequence while it passes it, at some 30 µs for each item and element; here an
item of defined length costs a quarter of a microsecond, and an element of another one a whole.
"""

import struct
from typing import BinaryIO

from storage.dicom.element_limits import MAX_READ_ELEMENTS, check_depth, too_many
from storage.dicom.element_walker import UNDEFINED_LENGTH, VRS, IrregularEncoding

LITTLE_ENDIAN_STARTS = (b"\xfe\xff\x00\xe0", b"\xfe\xff\xdd\xe0")
"""An item's tag and a sequence delimiter's."""
BIG_ENDIAN_STARTS = (b"\xff\xfe\xe0\x00", b"\xff\xfe\xe0\xdd")
VR_IN_ITEM = slice(12, 14)
"""Behind the item's tag and length and the tag of its first element."""
_WINDOW_BYTES, _FIRST_WINDOW_BYTES = 256 * 1024, 4 * 1024
_HEADER_BYTES = 12
_ITEMS = 0xFFFE
_ITEM, _ITEM_DELIMITER, _SEQUENCE_DELIMITER = 0xE000, 0xE00D, 0xE0DD
LONG_LENGTH_VRS = frozenset(
    {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
)
"""Those whose length has 32 bits in Explicit VR (PS3.5 Table 7.1-1)."""
_LITTLE = (struct.Struct("<HHI"), struct.Struct("<HH2sH"), struct.Struct("<I"))
_BIG = (struct.Struct(">HHI"), struct.Struct(">HH2sH"), struct.Struct(">I"))


class SequenceEnds:
    """Finds ends in one stream; of all sequences together, few elements are gone through."""

    def __init__(self, stream: BinaryIO, max_elements: int = MAX_READ_ELEMENTS) -> None:
        self._stream = stream
        self._data = b""
        self._base = 0
        self._window_bytes = _FIRST_WINDOW_BYTES // 2
        self._max_elements = self._left = max_elements

    def end_of(self, position: int, implicit: bool, little: bool, depth: int = 1) -> int:
        """Behind the delimiter of the sequence whose first item begins at `position`.

        Raises IrregularEncoding where it does not follow the transfer syntax, LimitExceeded.
        """
        check_depth(depth)
        index = self._index(position)
        start = self._data[index : index + VR_IN_ITEM.stop]
        if start[:4] in (BIG_ENDIAN_STARTS if little else LITTLE_ENDIAN_STARTS):
            little, implicit = not little, start[VR_IN_ITEM] not in VRS
        unpack = (_LITTLE if little else _BIG)[0].unpack_from
        data, base = self._data, self._base
        last = base + len(data) - _HEADER_BYTES
        while True:
            if not base <= position <= last:
                self._index(position)
                data, base = self._data, self._base
                last = base + len(data) - _HEADER_BYTES
            group, number, length = unpack(data, position - base)
            position += 8
            if group != _ITEMS or number != _ITEM:
                if group == _ITEMS and number == _SEQUENCE_DELIMITER:
                    return position
                raise IrregularEncoding("no item where one should begin")
            self._left -= 1
            if self._left < 0:
                raise too_many(self._max_elements)
            if length != UNDEFINED_LENGTH:
                position += length
            else:
                position = self.end_of_item(position, implicit, little, depth)

    def _is_implicit(self, position: int) -> bool:
        """Whether the first element of an item states no VR, as pydicom sees it."""
        index = self._index(position)
        return not all(0x40 < letter < 0x5B for letter in self._data[index + 4 : index + 6])

    def end_of_item(self, position: int, implicit: bool, little: bool, depth: int) -> int:
        """Behind the delimiter of the item whose first element begins at `position`."""
        item, explicit_header, long = _LITTLE if little else _BIG
        # Items may be in Implicit VR in any transfer syntax (PS3.5 6.2.2), and the first element
        # of each shows it.
        implicit = implicit or self._is_implicit(position)
        while True:
            index = self._index(position)
            data = self._data
            group, number, length = item.unpack_from(data, index)
            if group == _ITEMS:
                if number == _ITEM_DELIMITER:
                    return position + 8
                raise IrregularEncoding("no element where one should begin")
            self._left -= 1
            if self._left < 0:
                raise too_many(self._max_elements)
            vr = b""
            position += 8
            if not implicit:
                *_, vr, length = explicit_header.unpack_from(data, index)
                if vr in LONG_LENGTH_VRS:
                    if index + _HEADER_BYTES > len(data):
                        raise IrregularEncoding("cut off")
                    length = long.unpack_from(data, index + 8)[0]
                    position += 4
                elif vr not in VRS:
                    raise IrregularEncoding(f"VR {vr!r}")
            if length != UNDEFINED_LENGTH:
                position += length
            elif vr in (b"", b"SQ", b"UN", b"OB", b"OW"):
                position = self.end_of(position, implicit, little, depth + 1)
            else:
                raise IrregularEncoding(f"undefined length for VR {vr!r}")

    def _index(self, position: int) -> int:
        """Where the position lies in the window, which has a header behind it if the stream has."""
        index = position - self._base
        if not 0 <= index <= len(self._data) - _HEADER_BYTES:
            self._stream.seek(position)
            # Most sequences are short, and so are most headers.
            self._window_bytes = min(2 * self._window_bytes, _WINDOW_BYTES)
            self._data, self._base, index = self._stream.read(self._window_bytes), position, 0
            if len(self._data) < 8:
                raise IrregularEncoding("cut off")
        return index
