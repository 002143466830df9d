"""The size that a compressed frame states by itself, read without decoding it.

A decoder allocates what the codestream says, whatever Rows and Columns of the data set
are: a frame of 64 × 64 pixels may carry a codestream of 65,535 × 65,535.
"""

import struct
from dataclasses import dataclass

_JPEG_START = b"\xff\xd8"
_J2K_START = b"\xff\x4f\xff\x51"
_JPX_SIGNATURE = b"\x00\x00\x00\x0cjP  "
# Frame headers of JPEG (T.81 Table B.1) but DHT, JPG and DAC, and that of JPEG-LS (T.87 C.1.1).
_FRAME_HEADERS = frozenset({*range(0xC0, 0xD0), 0xF7} - {0xC4, 0xC8, 0xCC})
_JPEG_LS_PARAMETERS = 0xF8
_OVERSIZE = 4
_START_OF_SCAN = 0xDA
_SCAN_MARKER = bytes((0xFF, _START_OF_SCAN))
_STAND_ALONE = frozenset({0x01, *range(0xD0, 0xD9)})
_MAX_HEADER_BYTES = 1 << 20


@dataclass(frozen=True)
class CodedSize:
    """What one frame decodes to by the word of its own header: pixels, and values each."""

    columns: int
    rows: int
    components: int


def coded_size(frame: bytes) -> CodedSize | None:
    """The size in the header of JPEG, JPEG-LS, JPEG 2000 and HTJ2K; None where there is none.

    RLE has no size of its own: its 64 bytes of header count segments alone (PS3.5 G.5).
    """
    if frame.startswith(_JPEG_START):
        return _jpeg_size(frame)
    if frame.startswith(_J2K_START):
        return _jpeg2000_size(frame, 0)
    if frame.startswith(_JPX_SIGNATURE):
        start = frame.find(_J2K_START, 0, _MAX_HEADER_BYTES)
        return _jpeg2000_size(frame, start) if start >= 0 else None
    return None


def scan_count(frame: bytes) -> int:
    """How many scans a JPEG or JPEG-LS frame has: each may go through all pixels once more.

    Within their entropy-coded data no marker occurs (T.81 B.1.1.5); one more is counted where
    another picture stands among the application data. 1 for all else.
    """
    return max(1, frame.count(_SCAN_MARKER)) if frame.startswith(_JPEG_START) else 1


def _jpeg_size(frame: bytes) -> CodedSize | None:
    """The largest that any frame header or JPEG-LS parameter of the stream states."""
    largest: CodedSize | None = None
    rows = columns = 0
    position = 2
    end = min(len(frame), _MAX_HEADER_BYTES)
    while position + 4 <= end:
        if frame[position] != 0xFF:
            return largest
        marker = frame[position + 1]
        if marker == 0xFF:  # a fill byte (T.81 B.1.1.2)
            position += 1
            continue
        if marker in _STAND_ALONE:
            position += 2
            continue
        (length,) = struct.unpack_from(">H", frame, position + 2)
        body = frame[position + 4 : position + 2 + length]
        if marker in _FRAME_HEADERS and len(body) >= 6:
            _, height, width, components = struct.unpack_from(">BHHB", body)
            found = CodedSize(max(width, columns), max(height, rows), max(components, 1))
            if largest is None or _area(found) > _area(largest):
                largest = found
        elif marker == _JPEG_LS_PARAMETERS and body[:1] == bytes((_OVERSIZE,)):
            # Oversize image dimensions (T.87 C.2.4.1.4): number of bytes, rows, columns.
            width_bytes = body[1] if len(body) > 1 else 0
            rows = int.from_bytes(body[2 : 2 + width_bytes], "big")
            columns = int.from_bytes(body[2 + width_bytes : 2 + 2 * width_bytes], "big")
            components = largest.components if largest else 1
            largest = CodedSize(columns, rows, components)
        elif marker == _START_OF_SCAN:
            return largest
        position += 2 + max(length, 2)
    return largest


def _jpeg2000_size(frame: bytes, start: int) -> CodedSize | None:
    """From SIZ (T.800 A.5.1): the reference grid, less the offset of the image in it."""
    if len(frame) < start + 42:
        return None
    width, height, left, top = struct.unpack_from(">4I", frame, start + 8)
    (components,) = struct.unpack_from(">H", frame, start + 40)
    return CodedSize(max(width - left, 0), max(height - top, 0), max(components, 1))


def _area(size: CodedSize) -> int:
    return size.columns * size.rows * size.components
