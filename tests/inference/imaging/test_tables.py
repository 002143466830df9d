"""Look-up tables of values say the same in every transfer syntax (PS3.3 C.11.1.1.1, C.11.2.1.1)."""

from io import BytesIO

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from pydicom.dataset import Dataset
from pydicom.uid import ExplicitVRLittleEndian, ImplicitVRLittleEndian

from inference.imaging.grayscale import display_values, frame_transforms, unit_values
from tests.builders import series

STORED = np.arange(64, dtype="<u2").reshape(8, 8) * 60


def table(first: int, values: NDArray[np.int64], vr: str, bits: int) -> Dataset:
    made = Dataset()
    made.add_new("LUTDescriptor", vr, [len(values), first, bits])
    made.add_new("LUTData", "US", values.tolist())
    return made


def read_as(image: Dataset, transfer_syntax_uid: str) -> Dataset:
    image.file_meta.TransferSyntaxUID = transfer_syntax_uid
    buffer = BytesIO()
    image.save_as(
        buffer,
        implicit_vr=transfer_syntax_uid == ImplicitVRLittleEndian,
        little_endian=True,
        enforce_file_format=True,
    )
    return pydicom.dcmread(BytesIO(buffer.getvalue()))


def ct(intercept: int) -> Dataset:
    (image,) = series(np.zeros((1, 8, 8), np.uint16), modality="CT")
    image.BitsStored, image.HighBit, image.PixelRepresentation = 12, 11, 0
    image.RescaleSlope, image.RescaleIntercept = 1, intercept
    image.PixelData = STORED.tobytes()
    for keyword in ("WindowCenter", "WindowWidth"):
        image.pop(keyword, None)
    return image


@pytest.mark.parametrize("syntax", [ExplicitVRLittleEndian, ImplicitVRLittleEndian])
@pytest.mark.parametrize(
    ("intercept", "first", "vr"), [(-1024, -1024, "SS"), (0, 100, "US"), (61440, 64512, "US")]
)
def test_a_voi_lut_begins_at_the_value_that_it_states(
    syntax: str, intercept: int, first: int, vr: str
) -> None:
    """Also one that begins where a negative number in Implicit VR would be read."""
    image = ct(intercept)
    image.VOILUTSequence = [table(first, np.arange(2048) * 2, vr, 12)]
    read = read_as(image, syntax)
    entries = np.clip(STORED.astype(int) + intercept - first, 0, 2047) * 2
    expected = np.rint(entries / 4095 * 255)
    transforms = frame_transforms(read, 0)
    shown = display_values(read.pixel_array, read, transforms, None)
    assert np.abs(shown.astype(int) - expected).max() <= 1
    assert np.allclose(
        unit_values(read.pixel_array, read, transforms), entries / 4095, atol=1e-6, rtol=0
    )
