"""The fragments of encapsulated pixel data, and which of them make which frame (PS3.5 A.4).

A stranger may store millions of them, of no bytes each: they are kept as numbers, not as objects.
"""

import struct
from array import array
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from pydicom.uid import RLELossless

from api.dicomweb.instances.pixel_layout import PixelLayout, ReadRange, Window
from storage.core.errors import InvalidInstance
from storage.dicom.element_walker import ITEM, SEQUENCE_DELIMITER

Range = tuple[int, int]
"""Offset in the file and length, in bytes."""

_Numbers = NDArray[np.uint64]

MOST_FRAGMENTS = 1_000_000
"""The largest level of a whole slide has fewer tiles."""
_MOST_OF_A_FRAME = 100_000
_MOST_LOOKED_AT = 100_000
_ITEM_WINDOW_BYTES = 4 * 1024
# The first bytes of a compressed image: JPEG and JPEG-LS, JPEG 2000 code stream, JP2 and JXL boxes.
_IMAGE_STARTS = (b"\xff\xd8", b"\xff\x4f", b"\x00\x00\x00\x0c", b"\xff\x0a")


@dataclass(frozen=True, eq=False)
class Fragments:
    """Where each begins in the file, and how long it is, in bytes; without the offset table."""

    offsets: _Numbers
    lengths: _Numbers
    table: Range
    """The Basic Offset Table, which may be empty."""

    def __len__(self) -> int:
        return len(self.offsets)

    def without_empty(self) -> "Fragments":
        holding = self.lengths > 0
        return Fragments(self.offsets[holding], self.lengths[holding], self.table)

    @property
    def size_in_memory_bytes(self) -> int:
        return 1024 + self.offsets.nbytes + self.lengths.nbytes


@dataclass(frozen=True, eq=False)
class FrameRanges:
    """The fragments of each frame: those from its first on, up to that of the next frame."""

    offsets: _Numbers
    lengths: _Numbers
    firsts: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.firsts)

    def of_frame(self, frame_index: int) -> tuple[Range, ...]:
        """Raises IndexError where there is no such frame, and InvalidInstance."""
        first = int(self.firsts[frame_index])
        is_last = frame_index + 1 >= len(self.firsts)
        end = len(self.offsets) if is_last else int(self.firsts[frame_index + 1])
        if end - first > _MOST_OF_A_FRAME:
            raise InvalidInstance(
                f"Frame {frame_index + 1} is in {end - first} fragments; at most"
                f" {_MOST_OF_A_FRAME} are put together.",
                remedy="Ask the sending system for the image with fewer fragments.",
            )
        return tuple(
            zip(self.offsets[first:end].tolist(), self.lengths[first:end].tolist(), strict=True)
        )

    @property
    def size_in_memory_bytes(self) -> int:
        return 1024 + self.offsets.nbytes + self.lengths.nbytes + self.firsts.nbytes


def find_fragments(read: ReadRange, size_bytes: int, value_offset: int) -> Fragments:
    """Walk the items of encapsulated pixel data, of which the first is the offset table.

    Raises InvalidInstance where something else stands between them, and where they are more than
    `MOST_FRAGMENTS`.
    """
    window = Window(read, size_bytes, _ITEM_WINDOW_BYTES)
    offsets, lengths = array("Q"), array("Q")
    position = value_offset
    while True:
        index = window.at(position, 8)
        group, number, length = struct.unpack_from("<HHI", window.data, index)
        tag = group << 16 | number
        if tag == SEQUENCE_DELIMITER:
            break
        if tag != ITEM or position + 8 + length > size_bytes:
            raise InvalidInstance(
                f"The pixel data holds {tag:08X} where a fragment should begin.",
                remedy="Check the sending system's encoding and send the instance again.",
            )
        if len(offsets) > MOST_FRAGMENTS:
            raise InvalidInstance(
                f"The pixel data is in more than {MOST_FRAGMENTS} fragments.",
                remedy="Ask the sending system for the image with fewer fragments.",
            )
        offsets.append(position + 8)
        lengths.append(length)
        position += 8 + length
    at, long = np.frombuffer(offsets, np.uint64), np.frombuffer(lengths, np.uint64)
    table = (int(at[0]), int(long[0])) if len(at) else (value_offset, 0)
    return Fragments(at[1:], long[1:], table)


def frames_of(
    layout: PixelLayout, found: Fragments, read: ReadRange, transfer_syntax_uid: str
) -> FrameRanges:
    """Say which fragments make which frame: by the offset tables, or by looking.

    Raises InvalidInstance where neither says it.
    """
    count = layout.number_of_frames
    if not len(found):
        return FrameRanges(found.offsets, found.lengths, np.zeros(0, np.int64))
    if count == 1:
        return FrameRanges(found.offsets, found.lengths, np.zeros(1, np.int64))
    stated = _by_extended_table(layout, found)
    if stated is not None:
        return stated
    if len(found) == count:
        return FrameRanges(found.offsets, found.lengths, np.arange(count))
    table_offset, table_length = found.table
    if table_length >= 4 * count:
        raw = np.frombuffer(read(table_offset, 4 * count), "<u4").astype(np.uint64)
        begins = np.isin(found.offsets, raw + np.uint64(table_offset + table_length + 8))
        is_whole = raw[0] == 0
    elif transfer_syntax_uid == RLELossless:
        begins, is_whole = np.ones(len(found), bool), True
    else:
        looked_at = found.offsets[:_MOST_LOOKED_AT].tolist()
        # All frames are of one syntax: what begins as another does goes on with the one before.
        first = read(looked_at[0], 4)
        start = next((one for one in _IMAGE_STARTS if first.startswith(one)), b"")
        begins = np.array([read(at, 4).startswith(start) for at in looked_at])
        is_whole = bool(start) and len(found) <= _MOST_LOOKED_AT
    if not is_whole:
        raise InvalidInstance(
            f"The {len(found)} fragments of the pixel data cannot be divided into {count} frames.",
            remedy="Ask for a resend with an offset table.",
        )
    return FrameRanges(found.offsets, found.lengths, np.flatnonzero(begins))


def _by_extended_table(layout: PixelLayout, found: Fragments) -> FrameRanges | None:
    """The frames that the Extended Offset Table states; None without a true one.

    It is the sender's: what does not lie within a fragment would be anybody's bytes.
    """
    count = layout.number_of_frames
    if not len(layout.extended_offsets) == count == len(layout.extended_lengths):
        return None
    table_offset, table_length = found.table
    # What wraps around begins no fragment, or one of this instance.
    starts = np.array(layout.extended_offsets, np.uint64) + np.uint64(
        table_offset + table_length + 8
    )
    lengths = np.array(layout.extended_lengths, np.uint64)
    places = np.minimum(np.searchsorted(found.offsets, starts), len(found) - 1)
    if not np.all((found.offsets[places] == starts) & (lengths <= found.lengths[places])):
        return None
    return FrameRanges(starts, lengths, np.arange(count))
