"""Fragments of encapsulated pixel data: which make which frame, and what millions of them cost."""

import struct
import tracemalloc

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from pydicom.uid import JPEG2000Lossless, RLELossless

from api.dicomweb.instances import fragments as module
from api.dicomweb.instances.fragments import Fragments, find_fragments, frames_of
from api.dicomweb.instances.pixel_layout import PixelLayout
from storage.core.errors import InvalidInstance

END = struct.pack("<HHI", 0xFFFE, 0xE0DD, 0)


def item(value: bytes) -> bytes:
    return struct.pack("<HHI", 0xFFFE, 0xE000, len(value)) + value


class File:
    def __init__(self, *values: bytes, table: bytes = b"") -> None:
        self.data = item(table) + b"".join(map(item, values)) + END

    def read(self, start: int, length: int) -> bytes:
        return self.data[start : start + length]

    def fragments(self) -> Fragments:
        return find_fragments(self.read, len(self.data), 0)

    def frames(self, count: int, syntax: str = JPEG2000Lossless) -> list[list[bytes]]:
        layout = PixelLayout(0x7FE00010, "OB", 0, 0, 0, True, False, 1, 1, 1, 8, count, "")
        found = frames_of(layout, self.fragments(), self.read, syntax)
        return [[self.read(*one) for one in found.of_frame(n)] for n in range(len(found))]


FRAMES = st.lists(st.lists(st.binary(max_size=9), min_size=1, max_size=3), min_size=2, max_size=6)


@given(FRAMES)
def test_a_basic_offset_table_divides_them(frames: list[list[bytes]]) -> None:
    starts, at = [], 0
    for frame in frames:
        starts.append(at)
        at += sum(8 + len(one) for one in frame)
    table = struct.pack(f"<{len(starts)}I", *starts)
    file = File(*(one for frame in frames for one in frame), table=table)
    assert file.frames(len(frames)) == frames


@example([[b""], [b"", b"\xff\xd8"]])
@given(FRAMES)
def test_without_a_table_each_frame_begins_as_an_image_does(frames: list[list[bytes]]) -> None:
    # Else nothing tells where it goes on and where it begins.
    assume(not any(one.startswith(b"\xff\x4f") for frame in frames for one in frame[1:]))
    begun = [[b"\xff\x4f\xff\x51" + one for one in frame[:1]] + frame[1:] for frame in frames]
    values = [one for frame in begun for one in frame]
    if len(values) != len(frames):
        assert File(*values).frames(len(frames)) == begun
    assert File(*values).frames(len(values)) == [[one] for one in values]
    assert File(*values).frames(1) == [values]


def test_each_fragment_of_rle_is_a_frame_and_what_begins_nothing_is_refused() -> None:
    values = [b"a", b"b", b"c"]
    assert File(*values).frames(2, RLELossless) == [[b"a"], [b"b"], [b"c"]]
    with pytest.raises(InvalidInstance, match=r"3 fragments .* cannot be divided into 2 frames"):
        File(*values).frames(2)
    with pytest.raises(InvalidInstance, match="where a fragment should begin"):
        find_fragments(lambda start, length: b"\0" * length, 64, 0)


def test_too_many_empty_ones_are_refused_and_many_cost_little(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = File(*[b""] * 100_000)
    tracemalloc.start()
    assert len(file.fragments()) == 100_000
    _, peak_bytes = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    # As pairs of Python's numbers they took 13 MB.
    assert peak_bytes < 3_000_000
    monkeypatch.setattr(module, "_MOST_OF_A_FRAME", 99_999)
    with pytest.raises(InvalidInstance, match="in 100000 fragments; at most 99999"):
        file.frames(1)
    monkeypatch.setattr(module, "MOST_FRAGMENTS", 99_999)
    with pytest.raises(InvalidInstance, match="more than 99999 fragments"):
        file.fragments()
