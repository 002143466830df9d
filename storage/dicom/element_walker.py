"""Walk the top-level elements of an encoded data set without decoding values (PS3.5 7).

This is the receiving path's own reader: it touches a few hundred bytes of an
instance, skips pixels by their length, and so also notices an instance that
ends too early. What does not follow the transfer syntax is `IrregularEncoding`;
what is surely cut off it refuses (`InvalidInstance`).
"""

import struct
from collections.abc import Container, Iterator
from typing import NamedTuple

from storage.core.callers.long_work import LongWork, begin_long_work
from storage.core.errors import InvalidInstance
from storage.dicom.element_limits import (
    MAX_DEPTH,
    MAX_ELEMENTS,
    MAX_TOP_LEVEL_ELEMENTS,
    check_depth,
    too_many,
    truncated,
)

UNDEFINED_LENGTH = 0xFFFFFFFF
ITEM = 0xFFFEE000
ITEM_DELIMITER = 0xFFFEE00D
SEQUENCE_DELIMITER = 0xFFFEE0DD
PIXEL_DATA = 0x7FE00010
ISSUER_OF_ACCESSION_NUMBER = 0x00080051
FLOAT_PIXEL_DATA = 0x7FE00008
DOUBLE_FLOAT_PIXEL_DATA = 0x7FE00009
PIXEL_TAGS = frozenset({PIXEL_DATA, FLOAT_PIXEL_DATA, DOUBLE_FLOAT_PIXEL_DATA})

_ELEMENTS_A_PAUSE = 2048
"""Some five milliseconds, as long as a thread keeps the interpreter's lock."""

# A level of nesting takes an element's header and an item's, in any transfer syntax.
_LEVEL_BYTES = 16
# A longer top-level element may hold sequences beyond the depth that is allowed.
_SHALLOW_BYTES = MAX_DEPTH * _LEVEL_BYTES - 1
IMPLICIT_VR = "1.2.840.10008.1.2"
BIG_ENDIAN = "1.2.840.10008.1.2.2"
LITTLE_ENDIAN_GROUP, BIG_ENDIAN_GROUP = b"\xfe\xff", b"\xff\xfe"  # of items and delimiters
# VRs whose explicit length field has 32 bits (PS3.5 Table 7.1-1), of values without elements.
_LONG_VALUE_VRS = frozenset(
    {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SV", b"UC", b"UR", b"UT", b"UV"}
)
_LONG_VRS = _LONG_VALUE_VRS | {b"SQ", b"UN"}
_SHORT_VRS = frozenset(
    {b"AE", b"AS", b"AT", b"CS", b"DA", b"DS", b"DT", b"FD", b"FL", b"IS", b"LO", b"LT"}
    | {b"PN", b"SH", b"SL", b"SS", b"ST", b"TM", b"UI", b"UL", b"US"}
)
VRS = _SHORT_VRS | _LONG_VRS


class IrregularEncoding(Exception):
    """The bytes do not follow the transfer syntax."""


class Element(NamedTuple):
    tag: int
    """Group and element as one 32-bit number."""
    value_offset: int
    length: int
    """Bytes of the value as stored, delimiters of an undefined length included."""
    undefined_length: bool
    vr: bytes
    """Two letters, or b"" under implicit VR."""


class _Numbers:
    """How numbers are read in one byte order, made once: each instance that arrives is walked."""

    def __init__(self, order: str) -> None:
        self.tag = struct.Struct(order + "HH")
        self.short = struct.Struct(order + "H")
        self.long = struct.Struct(order + "I")
        # Tag, representation and length in one go: headers are most of what a walk reads.
        self.explicit_header = struct.Struct(order + "HH2sH")
        self.implicit_header = struct.Struct(order + "HH0sI")


_LITTLE, _BIG = _Numbers("<"), _Numbers(">")


class ElementWalker:
    """Iterates the elements of one data set that lies in `data` from `start` on.

    How deep sequences lie in each other is counted for all of them. Those of defined length
    are looked into where they are long enough to hide more levels than are allowed, or
    always when `thorough`, which then counts every element towards `max_elements`; items in
    sequences of undefined length always are. Items and fragments count as elements do.
    """

    def __init__(
        self,
        data: bytes | bytearray | memoryview,
        start: int,
        *,
        explicit: bool,
        big: bool,
        max_elements: int = MAX_ELEMENTS,
        thorough: bool = False,
    ) -> None:
        self._data = data
        self._start = start
        self._end = len(data)
        self._explicit = explicit
        self._visited = self._fragments = 0
        self._max_elements = max_elements
        self._thorough = thorough
        self._numbers = _BIG if big else _LITTLE
        self._top_level_tag = 0
        self._work: LongWork | None = None
        self.doubtful_tag: int | None = None
        """After the walk, the first top-level element of undefined length that may hold what a
        reader cannot pass: VR UN, or an item that does not end where its length says."""

    def __iter__(self) -> Iterator[Element]:
        """Every top-level element."""
        position, top_level = self._start, 0
        while position < self._end:
            top_level += 1
            if top_level > MAX_TOP_LEVEL_ELEMENTS:
                raise too_many(MAX_TOP_LEVEL_ELEMENTS)
            if self._is_padding(position):
                return
            element, position = self._element(position, self._explicit, depth=0)
            yield element

    def count(self) -> int:
        """How many elements and items there are, at all depths if `thorough`; no fragments."""
        for _ in self:
            pass
        return self._visited - self._fragments

    def values(self, wanted: Container[int]) -> dict[int, bytes]:
        """The values of wanted top-level elements whose length is defined, and of the issuer of
        the accession number, which is a sequence, as it stands.

        Plain elements are passed here, without the calls and objects of
        `__iter__`, since each instance that arrives is walked.
        """
        found: dict[int, bytes] = {}
        data, end, explicit = self._data, self._end, self._explicit
        numbers = self._numbers
        header = numbers.explicit_header if explicit else numbers.implicit_header
        unpack, unpack_long = header.unpack_from, numbers.long.unpack_from
        position = self._start
        top_level = 0
        # In Implicit VR any long value may be a sequence.
        longest = min(end, UNDEFINED_LENGTH - 1) if explicit else _SHALLOW_BYTES
        while position < end:
            top_level += 1
            if top_level > MAX_TOP_LEVEL_ELEMENTS:
                raise too_many(MAX_TOP_LEVEL_ELEMENTS)
            if end - position < 8 and self._is_padding(position):
                break
            group, number, vr, length = unpack(data, position)
            tag = group << 16 | number
            value = position + 8
            if vr not in _SHORT_VRS and explicit:
                # Such as pixels, which nearly every instance ends with.
                if vr in _LONG_VALUE_VRS and end - value >= 4:
                    length = unpack_long(data, value)[0]
                    value += 4
                else:
                    length = UNDEFINED_LENGTH
            if length > longest or group == 0xFFFE or value + length > end:
                # Whatever is not plain, what is wrong included.
                element, position = self._element(position, explicit, depth=0)
                if tag in wanted and (
                    not element.undefined_length or tag == ISSUER_OF_ACCESSION_NUMBER
                ):
                    value = element.value_offset
                    found[tag] = bytes(data[value : value + element.length])
            else:
                position = value + length
                if tag in wanted:
                    found[tag] = bytes(data[value:position])
        return found

    def _is_padding(self, position: int) -> bool:
        """Whether what is left is too short for an element and only zeros."""
        if self._end - position >= 8:
            return False
        if any(self._data[position : self._end]):
            raise truncated("inside an element's header", self._end)
        return True

    def _element(self, position: int, explicit: bool, depth: int) -> tuple[Element, int]:
        """The element at `position`, and where the next begins."""
        self._count()
        tag, vr, length, value = self._header(position, explicit)
        if not depth:
            self._top_level_tag = tag
        numbers = self._numbers
        if vr == b"UN":
            # Little endian in any transfer syntax (PS3.5 6.2.2); some write them in big endian.
            group_of_item = bytes(self._data[value : value + 2])
            if group_of_item == LITTLE_ENDIAN_GROUP:
                self._numbers = _LITTLE
            elif group_of_item == BIG_ENDIAN_GROUP:
                self._numbers = _BIG
        try:
            end = self._end_of_value(tag, vr, length, value, explicit, depth)
        finally:
            self._numbers = numbers
        return Element(tag, value, end - value, length == UNDEFINED_LENGTH, vr), end

    def _end_of_value(
        self, tag: int, vr: bytes, length: int, value: int, explicit: bool, depth: int
    ) -> int:
        if length == UNDEFINED_LENGTH:
            if tag in PIXEL_TAGS:
                return self._skip_fragments(value)
            if explicit and vr not in (b"SQ", b"UN", b"OB", b"OW"):
                raise IrregularEncoding(f"undefined length for VR {vr!r}")
            if vr == b"UN":
                # Its items are implicit VR (PS3.5 6.2.2 note 4); some write explicit all the same.
                explicit = self._shows_vr(value)
                self._note_doubt()
            return self._skip_sequence(value, explicit, depth + 1)
        end = value + length
        if end > self._end:
            raise truncated(
                f"{self._end - value} bytes into ({tag >> 16:04X},{tag & 0xFFFF:04X}),"
                f" whose length is {length}",
                self._end,
            )
        if self._may_be_deep(length, depth):
            self._look_into(vr, value, end, explicit, depth + 1)
        return end

    def _count(self) -> None:
        """An element, an item or a fragment."""
        self._visited += 1
        if self._visited > self._max_elements:
            raise too_many(self._max_elements)
        if not self._visited % _ELEMENTS_A_PAUSE:
            self._pause()

    def _pause(self) -> None:
        if self._visited == _ELEMENTS_A_PAUSE:
            # Most data sets are shorter.
            self._work = begin_long_work()
        if self._work is not None:
            self._work.pause()

    def _header(self, position: int, explicit: bool) -> tuple[int, bytes, int, int]:
        data = self._data
        try:
            group, number = self._numbers.tag.unpack_from(data, position)
            tag = group << 16 | number
            if not explicit or group == 0xFFFE:
                return tag, b"", self._numbers.long.unpack_from(data, position + 4)[0], position + 8
            vr = bytes(data[position + 4 : position + 6])
            if vr in _LONG_VRS:
                return tag, vr, self._numbers.long.unpack_from(data, position + 8)[0], position + 12
            if not (vr.isalpha() and vr.isupper()):
                raise IrregularEncoding(f"VR {vr!r}")
            return tag, vr, self._numbers.short.unpack_from(data, position + 6)[0], position + 8
        except struct.error as error:
            raise truncated("inside an element's header", self._end) from error

    def _skip_sequence(self, position: int, explicit: bool, depth: int) -> int:
        check_depth(depth)
        while True:
            tag, _, length, value = self._header(position, explicit=False)
            if tag == SEQUENCE_DELIMITER:
                return value
            if tag != ITEM:
                raise IrregularEncoding(f"{tag:08X} where an item should begin")
            self._count()
            if length != UNDEFINED_LENGTH:
                position = value + length
                if position > self._end:
                    raise truncated("inside a sequence item", self._end)
                # Readers decode a sequence of undefined length at once, its items included.
                if not self._look_into_item(value, position, explicit, depth):
                    self._note_doubt()
                continue
            position = self._skip_item(value, explicit, depth)

    def _may_be_deep(self, length: int, depth: int) -> bool:
        """Whether a value of that length at that depth may hold too many levels."""
        return self._thorough or depth + 1 + length // _LEVEL_BYTES > MAX_DEPTH

    def _look_into(self, vr: bytes, position: int, end: int, explicit: bool, depth: int) -> None:
        """Count the levels within an element of defined length, if it is a sequence.

        Under UN and in Implicit VR only its first bytes tell. What breaks the encoding in
        there is left to who decodes it, as it always was; an undefined length is not.
        """
        if end - position < 8 or vr not in (b"SQ", b"UN", b""):
            return
        if vr != b"SQ":
            if self._header(position, explicit=False)[0] != ITEM:
                return
            # Implicit VR in UN by PS3.5 6.2.2 note 4; some write Explicit VR all the same.
            explicit = explicit and self._shows_vr(position)
        check_depth(depth)
        try:
            while position + 8 <= end:
                tag, _, length, value = self._header(position, explicit=False)
                if tag == SEQUENCE_DELIMITER:
                    return
                self._count()
                if length == UNDEFINED_LENGTH:
                    position = self._skip_item(value, explicit, depth)
                    continue
                # Readers take whatever stands there for an item.
                position = value + length
                if self._may_be_deep(length, depth):
                    self._look_into_item(value, min(position, end), explicit, depth)
        except (IrregularEncoding, InvalidInstance):
            return

    def _look_into_item(self, position: int, end: int, explicit: bool, depth: int) -> bool:
        """Whether its elements follow the encoding and fill it."""
        try:
            while position + 8 <= end:
                _, position = self._element(position, explicit, depth)
        except (IrregularEncoding, InvalidInstance):
            return False
        return position == end

    def _shows_vr(self, position: int) -> bool:
        """Whether the first element of the item at `position` states a VR."""
        return bytes(self._data[position + 12 : position + 14]) in VRS

    def _note_doubt(self) -> None:
        if self.doubtful_tag is None:
            self.doubtful_tag = self._top_level_tag

    def _skip_item(self, position: int, explicit: bool, depth: int) -> int:
        """Past an item of undefined length whose elements begin at `position`."""
        while True:
            tag, _, _, after = self._header(position, explicit=False)
            if tag == ITEM_DELIMITER:
                return after
            _, position = self._element(position, explicit, depth)

    def _skip_fragments(self, position: int) -> int:
        """Past the fragments of encapsulated pixel data (PS3.5 A.4)."""
        while True:
            tag, _, length, value = self._header(position, explicit=False)
            if tag == SEQUENCE_DELIMITER:
                return value
            if tag != ITEM or length == UNDEFINED_LENGTH:
                raise IrregularEncoding(f"{tag:08X} among pixel data fragments")
            self._count()
            self._fragments += 1
            position = value + length
            if position > self._end:
                raise truncated("inside a pixel data fragment", self._end)


def walker_of(
    data: bytes | bytearray | memoryview,
    transfer_syntax_uid: str,
    start: int,
    *,
    max_elements: int = MAX_ELEMENTS,
    thorough: bool = False,
) -> ElementWalker:
    """A walker over a data set that is not deflated, as its transfer syntax writes it."""
    return ElementWalker(
        data,
        start,
        explicit=transfer_syntax_uid != IMPLICIT_VR,
        big=transfer_syntax_uid == BIG_ENDIAN,
        max_elements=max_elements,
        thorough=thorough,
    )
