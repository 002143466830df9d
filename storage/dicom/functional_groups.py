"""The groups of each frame of an enhanced image (PS3.3 C.7.6.16), equal ones decoded once.

Frames in the tens of thousands have a dozen sequences each, most of which are the same byte for
byte (orientation, spacing, timing), and of which a reader asks for two or three. pydicom takes some
0.3 ms for each frame; here each sequence stays undecoded until it is asked for.
"""

import struct
from collections.abc import Iterator
from io import BytesIO
from typing import Any

from storage.core.errors import LimitExceeded
from storage.dicom.element_limits import too_many
from storage.dicom.element_walker import UNDEFINED_LENGTH, VRS, IrregularEncoding
from storage.dicom.limited_reads import ReadLimit, reading_within
from storage.dicom.sequence_end import LONG_LENGTH_VRS, SequenceEnds

PER_FRAME_GROUPS = 0x52009230
MAX_FRAMES = 40_000
"""More than twice those of any image that we know of."""
_MAX_ELEMENTS = 25 * MAX_FRAMES
_MOST_IRREGULAR_ELEMENTS = 50_000
_ITEM, _ITEM_DELIMITER = 0xFFFEE000, 0xFFFEE00D
_SPECIFIC_CHARACTER_SET = 0x00080005


def read_frames(raw: Any, encoding: Any) -> Any:
    """The items of a raw element, as `pydicom.values.convert_SQ` makes them.

    Raises LimitExceeded where there are more than MAX_FRAMES.
    """
    frames = _Frames(raw, encoding)
    try:
        return frames.read()
    except (IrregularEncoding, struct.error):
        return frames.by_pydicom(0, len(raw.value), raw.is_implicit_VR)


class _Frames:
    """One encoded sequence, whose inner ones are decoded from its bytes when asked for."""

    def __init__(self, raw: Any, encoding: Any) -> None:
        from pydicom.charset import default_encoding

        self._data = bytes(raw.value)
        self._implicit, self._little = raw.is_implicit_VR, raw.is_little_endian
        order = "<" if self._little else ">"
        self._item = struct.Struct(order + "HHI")
        self._explicit = struct.Struct(order + "HH2sH")
        self._long = struct.Struct(order + "I")
        self._encoding = encoding or [default_encoding]
        self._ends = SequenceEnds(BytesIO(self._data), _MAX_ELEMENTS)
        self._alike: dict[tuple[int, bytes, bytes, bool], Any] = {}
        self._empty: dict[bool, Any] = {}
        self._elements_left = _MAX_ELEMENTS
        self._irregular = ReadLimit(_MOST_IRREGULAR_ELEMENTS)

    def read(self) -> Any:
        return self._sequence(0, len(self._data), self._implicit, MAX_FRAMES)

    def by_pydicom(self, start: int, end: int, implicit: bool) -> Any:
        """What does not follow the encoding, or has a character set of its own. Few elements."""
        from pydicom import values

        stream = self._irregular.of(BytesIO(self._data[start:end]))
        read_sequence = vars(values)["read_sequence"]
        with reading_within(self._irregular):
            return read_sequence(stream, implicit, self._little, end - start, self._encoding)

    def decoded(self, start: int, end: int, implicit: bool) -> Any:
        """A sequence within an item."""
        try:
            return self._sequence(start, end, implicit, _MAX_ELEMENTS)
        except (IrregularEncoding, struct.error):
            return self.by_pydicom(start, end, implicit)

    def _sequence(self, start: int, end: int, implicit: bool, most: int) -> Any:
        from pydicom.sequence import Sequence

        found = Sequence([self._dataset(*span, implicit) for span in self._items(start, end, most)])
        found.is_undefined_length = False
        return found

    def _items(self, start: int, end: int, most: int) -> Iterator[tuple[int, int, bool]]:
        """Where the elements of each begin and end, and whether its length is undefined."""
        spans: list[tuple[int, int, bool]] = []
        position = start
        while position < end:
            tag, length = self._item_header(position)
            if tag != _ITEM:
                raise IrregularEncoding("no item where one should begin")
            position += 8
            if length == UNDEFINED_LENGTH:
                behind = self._ends.end_of_item(position, self._implicit, self._little, 1)
                spans.append((position, behind - 8, True))
            else:
                behind = position + length
                spans.append((position, behind, False))
            if len(spans) > most:
                raise LimitExceeded(
                    f"The image states groups of more than {most} frames.",
                    remedy="Check the sending system; ask for the image in several instances.",
                )
            position = behind
        if position != end:
            raise IrregularEncoding("cut off")
        yield from spans

    def _item_header(self, position: int) -> tuple[int, int]:
        group, number, length = self._item.unpack_from(self._data, position)
        return group << 16 | number, length

    def _dataset(self, position: int, end: int, is_undefined: bool, implicit: bool) -> Any:
        from pydicom.dataset import Dataset

        # As pydicom, which takes an item without letters where a VR should be for Implicit VR.
        letters = self._data[position + 4 : position + 6]
        implicit = implicit or not all(0x40 < letter < 0x5B for letter in letters)
        elements: dict[Any, Any] = {}
        while position < end:
            element, position = self._element(position, implicit)
            elements[element.tag] = element
        if position != end:
            raise IrregularEncoding("an element that its item does not hold")
        # Made as another one, since pydicom sets its dozen attributes at a microsecond each.
        item = Dataset.__new__(Dataset)
        vars(item).update(vars(self._like(implicit)))
        vars(item).update(
            _dict=elements,
            _private_blocks={},
            _pixel_array_opts={"use_pdh": False},
            _pixel_id={},
            is_undefined_length_sequence_item=is_undefined,
        )
        return item

    def _like(self, implicit: bool) -> Any:
        from pydicom.dataset import Dataset

        if implicit not in self._empty:
            empty = self._empty[implicit] = Dataset(parent_encoding=self._encoding)
            empty.set_original_encoding(implicit, self._little, self._encoding)
        return self._empty[implicit]

    def _element(self, position: int, implicit: bool) -> tuple[Any, int]:
        self._elements_left -= 1
        if self._elements_left < 0:
            raise too_many(_MAX_ELEMENTS)
        data, vr = self._data, b""
        group, number, length = self._item.unpack_from(data, position)
        tag = group << 16 | number
        if tag in (_SPECIFIC_CHARACTER_SET, _ITEM, _ITEM_DELIMITER):
            raise IrregularEncoding("what pydicom alone reads")
        value = position + 8
        if not implicit:
            *_, vr, length = self._explicit.unpack_from(data, position)
            if vr in LONG_LENGTH_VRS:
                length = self._long.unpack_from(data, value)[0]
                value += 4
            elif vr not in VRS:
                raise IrregularEncoding(f"VR {vr!r}")
        if length != UNDEFINED_LENGTH:
            end = value + length
            if vr == b"SQ" and length:
                return self._later(tag, value, end), end
            return self._raw(tag, vr, value, end, implicit), end
        if vr != b"SQ":
            # What it is, the dictionary of pydicom tells.
            raise IrregularEncoding("what pydicom alone reads")
        end = self._ends.end_of(value, implicit, self._little, 2)
        return self._later(tag, value, end - 8), end

    def _later(self, tag: int, start: int, end: int) -> Any:
        """A sequence in Explicit VR."""
        from storage.dicom.later_element import LaterElement

        value = self._data[start:end]
        key = tag, b"SQ", value, False
        found = self._alike.get(key)
        if found is None:
            found = self._alike[key] = LaterElement(
                tag, end - start, lambda: self.decoded(start, end, False)
            )
        return found

    def _raw(self, tag: int, vr: bytes, start: int, end: int, implicit: bool) -> Any:
        """Raw elements do not change: what is made of one is put into its item."""
        from pydicom.dataelem import RawDataElement, empty_value_for_VR
        from pydicom.tag import BaseTag

        key = tag, vr, self._data[start:end], implicit
        found = self._alike.get(key)
        if found is None:
            name = vr.decode() or None
            value: Any = key[2] or empty_value_for_VR(name, raw=True)
            found = self._alike[key] = RawDataElement(
                BaseTag(tag), name, end - start, value, 0, implicit, self._little, True
            )
        return found
