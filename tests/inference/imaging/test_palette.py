"""Palettes are looked up as by pydicom; segmented ones are bounded before they are expanded."""

import struct

import numpy as np
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.pixels.processing import apply_color_lut
from pydicom.uid import ExplicitVRBigEndian, ExplicitVRLittleEndian

from inference.imaging.grayscale import display_values, frame_transforms
from inference.imaging.palette import apply_palette, expand_segments
from storage.core.errors import LimitExceeded


def _words(*values: int, order: str = "<") -> bytes:
    return struct.pack(f"{order}{len(values)}H", *values)


def _segmented(data: bytes, *, entries: int = 256, bits: int = 16, order: str = "<") -> Dataset:
    header = Dataset()
    header.file_meta = FileMetaDataset()
    header.file_meta.TransferSyntaxUID = (
        ExplicitVRLittleEndian if order == "<" else ExplicitVRBigEndian
    )
    header.PhotometricInterpretation = "PALETTE COLOR"
    for colour in ("Red", "Green", "Blue"):
        setattr(header, f"{colour}PaletteColorLookupTableDescriptor", [entries % 65536, 0, bits])
        setattr(header, f"Segmented{colour}PaletteColorLookupTableData", data)
    return header


_ALL = np.arange(256, dtype=np.uint16).reshape(16, 16)


@pytest.mark.parametrize("order", ["<", ">"])
def test_discrete_and_linear_segments_are_looked_up_as_by_pydicom(order: str) -> None:
    data = _words(0, 3, 7, 9, 11, 1, 100, 65000, 1, 153, 12, order=order)
    header = _segmented(data, order=order)
    np.testing.assert_array_equal(apply_palette(_ALL, header), apply_color_lut(_ALL, header))


def test_entries_of_eight_bits_are_looked_up_as_by_pydicom() -> None:
    # Six entries, then two segments from byte 0 again, then a ramp; all in bytes.
    data = bytes((0, 2, 5, 6, 1, 4, 200, 2, 2, 0, 0, 0, 0, 1, 244, 3))
    header = _segmented(data, bits=8)
    np.testing.assert_array_equal(apply_palette(_ALL, header), apply_color_lut(_ALL, header))


def test_an_indirect_segment_copies_from_its_offset_in_bytes() -> None:
    # The linear segment stands in byte 8, and goes on from the entry before.
    data = _words(0, 2, 10, 20, 1, 2, 40, 0, 1, 0, 2, 1, 8, 0)
    table = expand_segments(data, 16, is_little_endian=True)
    assert table.tolist() == [10, 20, 30, 40, 0, 20, 40]


def test_what_the_segments_do_not_give_is_the_last_entry_again() -> None:
    shown = apply_palette(_ALL, _segmented(_words(0, 2, 10, 20)))
    assert shown[0, 0].tolist() == [10, 10, 10]
    assert (shown.reshape(-1, 3)[1:] == 20).all()


@pytest.mark.parametrize("segments", [40, 20_000])
def test_a_table_of_more_entries_than_there_can_be_is_not_expanded(segments: int) -> None:
    """120 kB asked for 1,300 million entries, and cost a decoding process 30 s each time."""
    header = _segmented(_words(0, 1, 5, *((1, 65535, 65535) * segments)), entries=65536)
    with pytest.raises(LimitExceeded, match="65,536 entries"):
        display_values(_ALL, header, frame_transforms(header, 0), None)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(_words(0, 1, 5, *((2, 65535, 0, 0) * 20_000)), id="loop"),
        pytest.param(_words(0, 1, 5, 2, 65535, 6, 0), id="itself"),
        pytest.param(_words(0, 1, 5, *((0, 0) * 70_000)), id="segments of nothing"),
        pytest.param(_words(1, 5, 5), id="a ramp from nowhere"),
        pytest.param(_words(0, 9, 5), id="a cut segment"),
        pytest.param(_words(0, 1, 5, 2, 1), id="a cut offset"),
        pytest.param(_words(0, 1, 5, 2, 1, 3, 0), id="an odd offset"),
        pytest.param(_words(3, 1, 5), id="an unknown type"),
        pytest.param(b"\0", id="a byte"),
    ],
)
def test_segments_that_cannot_be_read_are_refused(data: bytes) -> None:
    with pytest.raises((ValueError, LimitExceeded)):
        apply_palette(_ALL, _segmented(data))


@pytest.mark.parametrize("bits", [0, 1, 12, 255])
def test_entries_of_other_sizes_are_refused(bits: int) -> None:
    with pytest.raises(ValueError, match="8 or 16 bits"):
        apply_palette(_ALL, _segmented(_words(0, 2, 10, 20), bits=bits))
