"""The frames of one stored instance, each by its byte range (PS3.5 8.2, A.4; PS3.3 C.7.6.3.1.8)."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from pydicom.uid import DeflatedExplicitVRLittleEndian

from api.dicomweb.instances.cache import ByteCache
from api.dicomweb.instances.fragments import FrameRanges, Range, find_fragments, frames_of
from api.dicomweb.instances.pixel_layout import PixelLayout, ReadRange, find_pixels
from api.dicomweb.lookups import content_key
from storage.core.entities import Instance
from storage.core.errors import InvalidInstance, NotFound
from storage.dicom.file_meta import FileMeta, read_file_meta
from storage.dicom.inflate import INSTANCE, inflate
from storage.integrity.instance_reader import InstanceReader

_PIECE_BYTES = 1024 * 1024
_FILE_META_BYTES = 4 * 1024

# MPEG-2, MPEG-4 AVC/H.264 and HEVC/H.265: one stream in as many fragments as its sender liked
# (PS3.5 8.2.5 to 8.2.9), whatever Number of Frames says.
VIDEO_SYNTAXES = tuple(f"1.2.840.10008.1.2.4.{number}" for number in range(100, 109))

_DEFLATED = frozenset({DeflatedExplicitVRLittleEndian})

_layouts: ByteCache[str, "_Found"] = ByteCache(max_bytes=64 * 1024 * 1024)


@dataclass(frozen=True)
class _Found:
    """What a walk over one instance found; holds for its content, and so for ever."""

    layout: PixelLayout
    frames: FrameRanges | None
    """None for native pixels and for videos."""
    is_video: bool = False


class FrameSource:
    """Gives single frames of one instance without reading the others."""

    def __init__(self, read: ReadRange, found: _Found) -> None:
        self._read = read
        self._found = found

    @property
    def layout(self) -> PixelLayout:
        return self._found.layout

    @property
    def is_stored_as_sent(self) -> bool:
        """Whether native pixels lie in the file as they are sent: little endian, not deflated."""
        return not self.layout.inflated and self._word_bytes() == 1

    def size_bytes(self, frame_index: int) -> int:
        """Length of what `frame` returns for the same index. Raises NotFound as it does."""
        layout = self.layout
        layout.check_frame_index(frame_index)
        if layout.encapsulated:
            return sum(length for _, length in self._fragments(frame_index))
        self._native_bits(frame_index)
        return -(-layout.frame_bits // 8)

    def frame(self, frame_index: int) -> bytes:
        """One frame as stored: compressed, or native in little endian.

        Frames of one bit a pixel begin at a byte, whatever their place in the
        stream (PS3.18 8.7.3.3.2 asks for each frame by itself).
        """
        layout = self.layout
        layout.check_frame_index(frame_index)
        if layout.encapsulated:
            pieces = [self._read(*fragment) for fragment in self._fragments(frame_index)]
            return pieces[0] if len(pieces) == 1 else b"".join(pieces)
        start_bit, end_bit = self._native_bits(frame_index)
        start, end = start_bit // 8, -(-end_bit // 8)
        data = self._native(start, end)
        if start_bit % 8 == 0 and end_bit % 8 == 0:
            return data
        bits = np.unpackbits(np.frombuffer(data, np.uint8), bitorder="little")
        first = start_bit - start * 8
        return np.packbits(bits[first : first + layout.frame_bits], bitorder="little").tobytes()

    def ranges(self, frame_index: int) -> tuple[Range, ...] | None:
        """Where `frame` finds its bytes in the part 10 file; None where it changes them."""
        layout = self.layout
        layout.check_frame_index(frame_index)
        if layout.encapsulated:
            return self._fragments(frame_index)
        if not self.is_stored_as_sent or layout.frame_bits % 8:
            return None
        length = layout.frame_bits // 8
        start = frame_index * length
        if start + length > layout.length:
            return None
        return ((layout.value_offset + start, length),)

    def _native_bits(self, frame_index: int) -> tuple[int, int]:
        """Where a native frame begins and ends in the stream. Raises NotFound beyond its end."""
        layout = self.layout
        start = frame_index * layout.frame_bits
        end = start + layout.frame_bits
        if end > layout.length * 8:
            raise NotFound(
                f"Frame {frame_index + 1} lies beyond the {layout.length} bytes of pixel data.",
                remedy="The instance is shorter than its header says; ask for a resend.",
            )
        return start, end

    def native_pieces(self) -> Iterator[bytes]:
        """All native pixels in little endian order, in pieces of constant size."""
        for start in range(0, self.layout.length, _PIECE_BYTES):
            yield self._native(start, min(start + _PIECE_BYTES, self.layout.length))

    def _native(self, start: int, end: int) -> bytes:
        """Bytes of the native stream in little endian order."""
        layout = self.layout
        word = self._word_bytes()
        if word == 1:
            return self._read(layout.value_offset + start, end - start)
        # Whole words are read, since a swapped byte may belong to the neighbouring frame.
        first, last = start - start % word, min(end + -end % word, layout.length)
        data = bytearray(self._read(layout.value_offset + first, last - first))
        whole = len(data) - len(data) % word
        swapped = bytearray(data)
        for position in range(word):
            swapped[position:whole:word] = data[word - 1 - position : whole : word]
        return bytes(swapped[start - first : end - first])

    def _word_bytes(self) -> int:
        """The unit that big endian swaps: OW in words however deep the pixels, OB never."""
        layout = self.layout
        if not layout.big_endian or layout.vr == "OB":
            return 1
        return max(2, layout.bits_allocated // 8)

    def _fragments(self, frame_index: int) -> tuple[Range, ...]:
        if self._found.is_video:
            raise InvalidInstance(
                "A video is one stream: no frame of it can be retrieved by itself.",
                remedy="Retrieve the video rendered as video/mp4, or the instance.",
            )
        frames = self._found.frames
        try:
            return frames.of_frame(frame_index) if frames else ()
        except IndexError:
            raise NotFound(
                f"Frame {frame_index + 1} is missing: the pixel data holds"
                f" {len(frames or ())} of {self.layout.number_of_frames}.",
                remedy="Ask the sending system to send the instance again.",
            ) from None


def known_frames(reader: InstanceReader, instance: Instance) -> FrameSource | None:
    """What `open_frames` gives, if that needs no reading."""
    found = _layouts.get(content_key(instance))
    if found is None or instance.transfer_syntax_uid in _DEFLATED:
        return None
    return FrameSource(_reading(reader, instance), found)


def open_frames(reader: InstanceReader, instance: Instance) -> FrameSource:
    """Find the pixels of an instance. Raises NotFound where it has none."""
    read, size_bytes, meta = _open(reader, instance)
    found = _layouts.get(content_key(instance))
    if found is None:
        if meta is None:
            meta = read_file_meta(read(0, min(_FILE_META_BYTES, size_bytes)))
        layout = find_pixels(read, size_bytes, meta)
        if layout is None or not layout.rows * layout.columns:
            raise NotFound(
                "The instance holds no pixels, and so no frames.",
                remedy="Retrieve its metadata or the whole instance.",
            )
        layout = replace(layout, inflated=instance.transfer_syntax_uid in _DEFLATED)
        frames = None
        is_video = instance.transfer_syntax_uid.startswith(VIDEO_SYNTAXES)
        if layout.encapsulated and not is_video:
            fragments = find_fragments(read, size_bytes, layout.value_offset)
            frames = frames_of(layout, fragments, read, instance.transfer_syntax_uid)
        found = _Found(layout, frames, is_video)
        held_bytes = frames.size_in_memory_bytes if frames else 0
        _layouts.put(content_key(instance), found, 1024 + held_bytes)
    return FrameSource(read, found)


def _reading(reader: InstanceReader, instance: Instance) -> ReadRange:
    return lambda start, length: reader.read(instance, start, length)


def _open(reader: InstanceReader, instance: Instance) -> tuple[ReadRange, int, FileMeta | None]:
    if instance.transfer_syntax_uid not in _DEFLATED:
        return _reading(reader, instance), instance.size_bytes, None
    part10 = reader.read(instance)
    meta = read_file_meta(part10)
    data = inflate(memoryview(part10)[meta.dataset_offset :], INSTANCE)
    meta = FileMeta(meta.transfer_syntax_uid, 0)
    return lambda start, length: data[start : start + length], len(data), meta
