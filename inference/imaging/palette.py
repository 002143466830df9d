"""Palette colour lookup tables (PS3.3 C.7.6.3.1.6, C.7.9), expanded within their bounds."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.pixels.processing import apply_color_lut

from storage.core.errors import LimitExceeded

MOST_ENTRIES = 65_536
"""Of one lookup table (PS3.3 C.7.6.3.1.5)."""
# Each copied segment may be an indirect one again; the standard knows no use for more.
_MOST_DEPTH = 4
_COLOURS = ("Red", "Green", "Blue", "Alpha")
_LINEAR, _DISCRETE, _INDIRECT = 1, 0, 2
_OF_APPLYING = (
    "PixelPresentation",
    *(f"{colour}PaletteColorLookupTableDescriptor" for colour in _COLOURS),
    *(f"{colour}PaletteColorLookupTableData" for colour in _COLOURS),
)


def apply_palette(stored: NDArray[Any], header: Dataset) -> NDArray[Any]:
    """Colours of stored values: uint8 or uint16, (rows, columns, 3), or 4 with an alpha table.

    Segmented tables are expanded here: pydicom does it without a bound, and an image of 120 kB
    could ask for a thousand million entries.

    Raises ValueError for tables that cannot be read, LimitExceeded for one of more than 65,536
    entries.
    """
    if "RedPaletteColorLookupTableData" in header or not _is_segmented(header):
        return apply_color_lut(stored, header)
    plain = Dataset()
    for keyword in _OF_APPLYING:
        if keyword in header:
            plain[keyword] = header[keyword]
    descriptor = header.RedPaletteColorLookupTableDescriptor
    entries, bits = int(descriptor[0]) or MOST_ENTRIES, int(descriptor[2])
    if bits not in (8, 16):
        raise ValueError("A segmented palette has entries of 8 or 16 bits (PS3.3 C.7.9.2).")
    for colour in _COLOURS:
        data = header.get(f"Segmented{colour}PaletteColorLookupTableData")
        if data:
            table = expand_segments(bytes(data), bits, is_little_endian=_is_little_endian(header))
            if not table.size:
                raise ValueError("A segmented palette is empty.")
            # What the descriptor counts and the segments do not give is the last entry again, as
            # for values beyond the table.
            missing = max(entries - table.size, 0)
            whole = np.pad(table[:entries], (0, missing), mode="edge")
            setattr(plain, f"{colour}PaletteColorLookupTableData", whole.tobytes())
    return apply_color_lut(stored, plain)


def expand_segments(data: bytes, bits: int, *, is_little_endian: bool) -> NDArray[Any]:
    """The entries of one segmented table (PS3.3 C.7.9.2), uint8 or uint16 by `bits`.

    An indirect segment copies segments that stand at an offset in bytes from the first one.
    Raises ValueError for segments that cannot be read, LimitExceeded beyond 65,536 entries.
    """
    order = "<" if is_little_endian else ">"
    width = bits // 8
    values = np.frombuffer(data, f"{order}u{width}", len(data) // width)
    expanded = _Expansion(values, np.dtype(f"{order}u2"))
    expanded.read(0, None, 0)
    return np.concatenate([np.empty(0), *expanded.pieces]).astype(f"u{width}")


class _Expansion:
    def __init__(self, values: NDArray[Any], word: np.dtype[Any]) -> None:
        self._values = values
        self._word = word
        self._entries = 0
        self._segments = 0
        self.pieces: list[NDArray[Any]] = []

    def read(self, at: int, segments: int | None, depth: int) -> None:
        """Expand `segments` of them from index `at`, or all to the end (None)."""
        values = self._values
        # A byte of padding may follow the last segment.
        while at + 1 < values.size and segments != 0:
            kind, length = int(values[at]), int(values[at + 1])
            at += 2
            self._count(length if kind in (_LINEAR, _DISCRETE) else 0)
            if kind == _DISCRETE:
                self._add(values[at : at + length], length)
                at += length
            elif kind == _LINEAR:
                self._add(self._ramp(values[at : at + 1], length), length)
                at += 1
            elif kind == _INDIRECT:
                words = 4 // values.itemsize
                offset_bytes = self._offset(values[at : at + words])
                at += words
                if depth == _MOST_DEPTH or not self.pieces:
                    raise ValueError("An indirect segment of a palette leads to itself.")
                self.read(offset_bytes // values.itemsize, length, depth + 1)
            else:
                raise ValueError(f"A palette has a segment of the unknown type {kind}.")
            if segments is not None:
                segments -= 1

    def _count(self, length: int) -> None:
        """Before anything of it is there; segments without entries count like one entry."""
        self._entries += length
        self._segments += 1
        if max(self._entries, self._segments) > MOST_ENTRIES:
            raise LimitExceeded(
                f"A segmented palette has more than {MOST_ENTRIES:,} entries.",
                remedy="Ask for a resend: no lookup table is larger (PS3.3 C.7.6.3.1.5).",
            )

    def _add(self, piece: NDArray[Any], length: int) -> None:
        if piece.size != length:
            raise ValueError("A segment of a palette ends before its length.")
        if length:
            self.pieces.append(piece)

    def _ramp(self, to: NDArray[Any], length: int) -> NDArray[Any]:
        """From behind the entry before up to `to` (PS3.3 C.7.9.2.2)."""
        if not self.pieces or not to.size:
            raise ValueError("A linear segment of a palette has no beginning or no end.")
        begin = float(self.pieces[-1][-1])
        return np.rint(np.linspace(begin, float(to[0]), length + 1)[1:])

    def _offset(self, words: NDArray[Any]) -> int:
        """Two words of 16 bits, the less significant one first (PS3.3 C.7.9.2.3)."""
        halves = np.frombuffer(words.tobytes(), self._word)
        if halves.size != 2:
            raise ValueError("An indirect segment of a palette ends before its offset.")
        offset_bytes = int(halves[0]) | int(halves[1]) << 16
        if offset_bytes % self._values.itemsize:
            raise ValueError(f"An indirect segment of a palette begins in byte {offset_bytes}.")
        return offset_bytes


def _is_segmented(header: Dataset) -> bool:
    return "SegmentedRedPaletteColorLookupTableData" in header


def _is_little_endian(header: Dataset) -> bool:
    if hasattr(header, "file_meta"):
        syntax = header.file_meta.get("TransferSyntaxUID")
        return syntax is None or bool(syntax.is_little_endian)
    return header.original_encoding[1] is not False
