"""Where the pixels of one instance lie, found without reading them (PS3.5 8 and A.4)."""

import struct
import sys
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pydicom.uid import ExplicitVRBigEndian, ImplicitVRLittleEndian

from storage.core.errors import InvalidInstance, NotFound
from storage.core.text.padding import unpadded_ascii
from storage.core.untrusted_input.whole_numbers import read_whole_number
from storage.dicom.element_walker import (
    DOUBLE_FLOAT_PIXEL_DATA,
    FLOAT_PIXEL_DATA,
    ITEM_DELIMITER,
    LITTLE_ENDIAN_GROUP,
    PIXEL_DATA,
    PIXEL_TAGS,
    SEQUENCE_DELIMITER,
    UNDEFINED_LENGTH,
)
from storage.dicom.file_meta import FileMeta

ReadRange = Callable[[int, int], bytes]
"""Bytes of the part 10 file from a start, of a length; fewer at its end."""

_HEADER_WINDOW_BYTES = 64 * 1024
_MAX_TABLE_BYTES = 64 * 1024 * 1024
_LONG_VRS = frozenset(
    {b"OB", b"OD", b"OF", b"OL", b"OV", b"OW", b"SQ", b"SV", b"UC", b"UN", b"UR", b"UT", b"UV"}
)
_SAMPLES, _PHOTOMETRIC, _FRAMES, _ROWS, _COLUMNS, _BITS = (
    0x00280002,
    0x00280004,
    0x00280008,
    0x00280010,
    0x00280011,
    0x00280100,
)
_OFFSETS, _LENGTHS = 0x7FE00001, 0x7FE00002
_WANTED = frozenset({_SAMPLES, _PHOTOMETRIC, _FRAMES, _ROWS, _COLUMNS, _BITS, _OFFSETS, _LENGTHS})
_KEYWORDS = {
    PIXEL_DATA: "PixelData",
    FLOAT_PIXEL_DATA: "FloatPixelData",
    DOUBLE_FLOAT_PIXEL_DATA: "DoubleFloatPixelData",
}
_BITS_BY_TAG = {FLOAT_PIXEL_DATA: 32, DOUBLE_FLOAT_PIXEL_DATA: 64}


@dataclass(frozen=True)
class PixelLayout:
    """Attributes that fix the size of a frame, and where the pixel element's value begins."""

    tag: int
    vr: str
    element_offset: int
    """Where the element's tag stands: what lies before it is the header."""
    value_offset: int
    """In the part 10 file; of the first fragment's item when encapsulated."""
    length: int
    encapsulated: bool
    big_endian: bool
    rows: int
    columns: int
    samples_per_pixel: int
    bits_allocated: int
    number_of_frames: int
    photometric_interpretation: str
    inflated: bool = False
    """Offsets count from the begin of the inflated data set rather than the file's."""
    extended_offsets: Sequence[int] = ()
    extended_lengths: Sequence[int] = ()

    @property
    def keyword(self) -> str:
        return _KEYWORDS[self.tag]

    @property
    def frame_bits(self) -> int:
        """Bits of one native frame; 4:2:2 subsampling stores two samples a pixel."""
        samples = self.samples_per_pixel
        if "422" in self.photometric_interpretation and samples == 3:
            samples = 2
        return self.rows * self.columns * samples * self.bits_allocated

    def check_frame_index(self, frame_index: int) -> None:
        if not 0 <= frame_index < self.number_of_frames:
            raise NotFound(
                f"Frame {frame_index + 1} does not exist; the instance has"
                f" {self.number_of_frames}.",
                remedy="Ask for frame numbers from 1 up to that count.",
            )


class Window:
    """A sliding view of the file: headers lie close together, values are jumped over."""

    def __init__(self, read: ReadRange, size_bytes: int, window_bytes: int) -> None:
        self._read = read
        self._size_bytes = size_bytes
        self._window_bytes = window_bytes
        self.base = 0
        self.data = b""

    def at(self, position: int, length: int) -> int:
        """Make `length` bytes from `position` available; returns their index in `data`."""
        index = position - self.base
        if index < 0 or index + length > len(self.data):
            if position + length > self._size_bytes:
                raise InvalidInstance(
                    f"The stored instance ends after {self._size_bytes} bytes, before its pixels.",
                    remedy="Send the instance again.",
                )
            wanted = min(max(length, self._window_bytes), self._size_bytes - position)
            self.data, self.base, index = self._read(position, wanted), position, 0
            if len(self.data) < length:
                raise InvalidInstance(
                    f"The stored instance is shorter than its {self._size_bytes} bytes.",
                    remedy="Send the instance again.",
                )
        return index


def find_pixels(read: ReadRange, size_bytes: int, meta: FileMeta) -> PixelLayout | None:
    """Walk to the pixel element; None where there is none.

    `read` gives the bytes of the file or, for a deflated one, of its inflated
    data set, where `meta.dataset_offset` says that the data set begins.
    """
    window = Window(read, size_bytes, _HEADER_WINDOW_BYTES)
    explicit = meta.transfer_syntax_uid != ImplicitVRLittleEndian
    walker = _Walker(window, explicit, meta.transfer_syntax_uid == ExplicitVRBigEndian)
    values: dict[int, bytes] = {}
    position = meta.dataset_offset
    while position + 8 <= size_bytes:
        tag, vr, length, value = walker.header(position, explicit)
        if tag in PIXEL_TAGS:
            return _layout((tag, vr, length, position, value), values, walker.big)
        if length == UNDEFINED_LENGTH:
            position = walker.skip_sequence(value, vr, explicit)
            continue
        if tag in _WANTED and length <= _MAX_TABLE_BYTES:
            index = window.at(value, length) if length else 0
            values[tag] = window.data[index : index + length]
        position = value + length
    return None


class _Walker:
    def __init__(self, window: Window, explicit: bool, big: bool) -> None:
        self._window = window
        self._explicit = explicit
        self.big = big
        order = ">" if big else "<"
        self._implicit_header = struct.Struct(order + "HHI")
        self._explicit_header = struct.Struct(order + "HH2sH")
        self._long = struct.Struct(order + "I")

    def header(self, position: int, explicit: bool) -> tuple[int, bytes, int, int]:
        """Tag, VR, length and the value's position of the element at `position`."""
        index = self._window.at(position, 8)
        data = self._window.data
        if explicit:
            group, number, vr, length = self._explicit_header.unpack_from(data, index)
            if group != 0xFFFE:
                if vr in _LONG_VRS:
                    index = self._window.at(position, 12)
                    length = self._long.unpack_from(self._window.data, index + 8)[0]
                    return group << 16 | number, vr, length, position + 12
                return group << 16 | number, vr, length, position + 8
        group, number, length = self._implicit_header.unpack_from(data, index)
        return group << 16 | number, b"", length, position + 8

    def skip_sequence(self, position: int, vr: bytes, explicit: bool) -> int:
        """Past a sequence of undefined length that begins at `position`, however deep."""
        if vr == b"UN":
            return self._skip_unknown(position)
        # The open ends that are still to be met: sequences and items of undefined length.
        depth = 1
        while depth:
            tag, vr, length, value = self.header(position, explicit)
            if tag in (SEQUENCE_DELIMITER, ITEM_DELIMITER):
                depth -= 1
                position = value
            elif length != UNDEFINED_LENGTH:
                position = value + length
            elif vr == b"UN":
                position = self._skip_unknown(value)
            else:
                depth += 1
                position = value
        return position

    def _skip_unknown(self, position: int) -> int:
        """Items within UN are Implicit VR Little Endian in any transfer syntax (PS3.5 6.2.2);
        in big endian, some write them so all the same."""
        index = self._window.at(position, 2)
        big = self.big and self._window.data[index : index + 2] != LITTLE_ENDIAN_GROUP
        return _Walker(self._window, explicit=False, big=big).skip_sequence(position, b"", False)


def _layout(
    element: tuple[int, bytes, int, int, int], values: dict[int, bytes], big: bool
) -> PixelLayout:
    tag, vr, length, element_offset, value_offset = element

    def number(of: int, default: int) -> int:
        raw = values.get(of, b"")
        return int.from_bytes(raw[:2], "big" if big else "little") if len(raw) >= 2 else default

    def table(of: int) -> Sequence[int]:
        raw = values.get(of, b"")
        numbers = array("Q", raw[: len(raw) // 8 * 8])
        if big != (sys.byteorder == "big"):
            numbers.byteswap()
        return numbers

    frames_text = unpadded_ascii(values.get(_FRAMES, b""), "IS")
    # An unreadable or zero count means one frame, as the peers read it.
    frames = read_whole_number(frames_text)
    return PixelLayout(
        tag=tag,
        vr=vr.decode("ascii", "replace") if vr else "OW",
        element_offset=element_offset,
        value_offset=value_offset,
        length=0 if length == UNDEFINED_LENGTH else length,
        encapsulated=length == UNDEFINED_LENGTH,
        big_endian=big,
        rows=number(_ROWS, 0),
        columns=number(_COLUMNS, 0),
        samples_per_pixel=number(_SAMPLES, 1),
        bits_allocated=_BITS_BY_TAG.get(tag) or number(_BITS, 16),
        number_of_frames=max(frames or 1, 1),
        photometric_interpretation=unpadded_ascii(values.get(_PHOTOMETRIC, b"")),
        extended_offsets=table(_OFFSETS),
        extended_lengths=table(_LENGTHS),
    )
