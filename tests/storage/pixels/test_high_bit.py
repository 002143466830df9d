"""Values that do not begin at the lowest bit of their cells (PS3.5 8.1.1): High Bit is not Bits
Stored minus 1, as it might be until 2014."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.pixels.encoders.base import get_encoder
from pydicom.uid import UID, ExplicitVRLittleEndian, RLELossless

from storage.pixels.decoding import decode_frame_of, decode_frames, decompress

SIDE, BITS = 8, 12


def image(high_bit: int, *, signed: bool, syntax: UID) -> tuple[Dataset, NDArray[Any]]:
    """With other bits set below and above the values, as overlays had them."""
    random = np.random.default_rng(high_bit)
    least = -(1 << (BITS - 1)) if signed else 0
    values = random.integers(least, least + (1 << BITS), (SIDE, SIDE))
    shift = high_bit + 1 - BITS
    cells = (values & ((1 << BITS) - 1)) << shift
    cells |= random.integers(0, 1 << shift, cells.shape)
    cells |= random.integers(0, 16, cells.shape) << (high_bit + 1)
    stored = (cells & 0xFFFF).astype("<u2")
    dataset = Dataset()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.Rows = dataset.Columns = SIDE
    dataset.SamplesPerPixel, dataset.PhotometricInterpretation = 1, "MONOCHROME2"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 16, BITS, high_bit
    dataset.PixelRepresentation = int(signed)
    dataset.PixelData = stored.tobytes()
    if syntax == RLELossless:
        frame = get_encoder(syntax).encode(
            stored, rows=SIDE, columns=SIDE, number_of_frames=1, samples_per_pixel=1,
            bits_allocated=16, bits_stored=16, pixel_representation=0,
            photometric_interpretation="MONOCHROME2",
        )  # fmt: skip
        dataset.PixelData = encapsulate([frame])
    dataset["PixelData"].VR = "OB" if syntax == RLELossless else "OW"
    return dataset, values


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, RLELossless])
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("high_bit", [11, 13, 15])
def test_values_are_those_of_the_stored_bits(high_bit: int, signed: bool, syntax: UID) -> None:
    dataset, values = image(high_bit, signed=signed, syntax=syntax)
    assert np.array_equal(decode_frames(dataset, 1 << 20)[0], values)
    assert np.array_equal(decode_frame_of(dataset, 0), values)
    assert dataset.BitsStored == BITS


def test_they_are_not_decompressed_into_cells_that_they_do_not_fit() -> None:
    dataset, _ = image(15, signed=False, syntax=RLELossless)
    with pytest.raises(ValueError, match="lowest bit"):
        decompress(dataset, 1 << 20)
