"""Compressed frames without comments, application data and what follows their end."""

import struct
from itertools import pairwise

_SOS, _EOI, _COM = 0xDA, 0xD9, 0xFE
_APPLICATION = range(0xE0, 0xF0)
# Tables, frame and scan headers (ITU-T T.81 Table B.1), and those of JPEG-LS (T.87 Table C.1).
_JPEG_SEGMENTS = frozenset({*range(0xC0, 0xD0), 0xDB, 0xDC, 0xDD, 0xF7, 0xF8}) - {0xC8}
_RESTARTS = range(0xD0, 0xD8)
# Of main headers (ITU-T T.800 Table A.2, T.814).
_SOC, _SOT, _EOC, _COM_2000 = b"\xff\x4f", b"\xff\x90", b"\xff\xd9", 0x64
_MAIN_HEADER = frozenset(
    {0x50, 0x51, 0x52, 0x53, 0x55, 0x56, 0x57, 0x59, 0x5C, 0x5D, 0x5E, 0x5F, 0x60, 0x63}
)
_RLE_HEADER_BYTES = 64
_MOST_RLE_SEGMENTS = 15


class NotUnderstood(ValueError):
    """Bytes that are no codestream as the standard has it."""


def bare_jpeg(data: bytes) -> bytes:
    """JPEG and JPEG-LS, segment by segment (ITU-T T.81 B.1)."""
    if data[:2] != b"\xff\xd8":
        raise NotUnderstood("no start of image")
    out, position = bytearray(data[:2]), 2
    while True:
        if data[position] != 0xFF:
            raise NotUnderstood("no marker")
        while data[position] == 0xFF:
            position += 1
        marker, position = data[position], position + 1
        if marker == _EOI:
            return bytes(out + b"\xff\xd9")
        end = position + _length(data, position)
        segment = data[position:end]
        if marker in _JPEG_SEGMENTS or marker == _SOS or _says_colors(marker, segment):
            out += bytes((0xFF, marker)) + segment
        elif marker != _COM and marker not in _APPLICATION:
            raise NotUnderstood("an unknown segment")
        position = end
        if marker == _SOS:
            position = _end_of_scan(data, end)
            out += data[end:position]


def _says_colors(marker: int, segment: bytes) -> bool:
    """The application data that decoders need, which have no room for anything else."""
    body = segment[2:]
    if marker == 0xE0:
        return len(body) == 14 and body.startswith(b"JFIF\0") and body[12:] == b"\0\0"
    if marker == 0xEE:
        return len(body) == 12 and body.startswith(b"Adobe")
    return marker == 0xE8 and len(body) == 5 and body.startswith(b"mrfx")


def _end_of_scan(data: bytes, position: int) -> int:
    """Where the next marker stands behind entropy-coded data."""
    while True:
        position = data.index(b"\xff", position)
        following = data[position + 1]
        # JPEG stuffs a zero byte, JPEG-LS a zero bit.
        if following >= 0x80 and following not in _RESTARTS:
            return position
        position += 2


def bare_jpeg_2000(data: bytes) -> bytes:
    """The codestream from its start to its end, without comments (ITU-T T.800 annex A)."""
    if not data.startswith(_SOC):
        raise NotUnderstood("no codestream")
    out, position = bytearray(_SOC), 2
    while data[position : position + 2] != _SOT:
        if data[position] != 0xFF:
            raise NotUnderstood("no marker")
        marker = data[position + 1]
        end = position + 2 + _length(data, position + 2)
        if marker in _MAIN_HEADER:
            out += data[position:end]
        elif marker != _COM_2000:
            raise NotUnderstood("an unknown segment")
        position = end
    while data[position : position + 2] == _SOT:
        end = _end_of_tile_part(data, position)
        out += data[position:end]
        position = end
    if data[position : position + 2] != _EOC:
        raise NotUnderstood("no end of codestream")
    return bytes(out + _EOC)


def _end_of_tile_part(data: bytes, position: int) -> int:
    (length,) = struct.unpack_from(">I", data, position + 6)
    end = position + length if length else data.index(_EOC, position)
    header = position + 12
    while data[header : header + 2] != b"\xff\x93":
        if data[header] != 0xFF or data[header + 1] == _COM_2000 or header >= end:
            # Without it, the lengths of the tile-parts would be others.
            raise NotUnderstood("a comment in a tile-part")
        header += 2 + _length(data, header + 2)
    return end


def bare_rle(data: bytes, pixels: int) -> bytes:
    """RLE (PS3.5 annex G), each segment to the last of its `pixels` bytes."""
    count, *offsets = struct.unpack_from("<16I", data)
    if not 1 <= count <= _MOST_RLE_SEGMENTS or offsets[0] != _RLE_HEADER_BYTES:
        raise NotUnderstood("no RLE header")
    bounds = [*offsets[:count], len(data)]
    segments, starts = bytearray(), []
    for start, end in pairwise(bounds):
        starts.append(_RLE_HEADER_BYTES + len(segments))
        segment = data[start : _end_of_rle(data, start, end, pixels)]
        segments += segment + b"\0" * (len(segment) % 2)
    return struct.pack("<16I", count, *starts, *[0] * (_MOST_RLE_SEGMENTS - count)) + segments


def _end_of_rle(data: bytes, position: int, end: int, pixels: int) -> int:
    while pixels > 0:
        if position >= end:
            raise NotUnderstood("a segment that is too short")
        code = data[position]
        if code < 128:
            pixels, position = pixels - code - 1, position + code + 2
        elif code > 128:
            pixels, position = pixels - 257 + code, position + 2
        else:
            position += 1
    return min(position, end)


def _length(data: bytes, position: int) -> int:
    (length,) = struct.unpack_from(">H", data, position)
    if length < 2 or position + length > len(data):
        raise NotUnderstood("a segment of an impossible length")
    return int(length)
