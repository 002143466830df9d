"""Texts beside the pixels, in the pixel group: removed, or the instance is refused."""

import io

import numpy as np
import pydicom
import pytest
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate, generate_frames
from pydicom.uid import (
    MPEG2MPML,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
    RLELossless,
)

from inference.deidentification.errors import CannotDeidentify
from tests.builders import series
from tests.inference.deidentification.test_deidentifier import deidentified
from tests.inference.deidentification.test_planted_identifiers import part10

# So small an image may be as long with compression as without.
pytestmark = pytest.mark.filterwarnings("ignore:The number of bytes of compressed pixel data")

LETTER = b"Weber, Maria, geb. 12.03.1931, 15 Main St"


def image(**attributes: object) -> Dataset:
    """An image of 8 × 8 pixels of 8 bits, of nobody who is named in the letter."""
    (ds,) = series(np.zeros((1, 8, 8), np.int16), modality="CT", **attributes)
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 8, 8, 7, 0
    ds.PixelData = bytes(range(64))
    ds["PixelData"].VR = "OB"
    return ds


def compressed(syntax: str, *frames: bytes) -> Dataset:
    ds = image()
    ds.file_meta.TransferSyntaxUID = syntax
    ds.PixelData = encapsulate(list(frames))
    ds.NumberOfFrames = len(frames)
    return ds


def picture(kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    pixels = np.arange(64, dtype=np.uint8).reshape(8, 8)
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def jpeg_with(marker: int) -> bytes:
    frame = picture("JPEG")
    segment = bytes((0xFF, marker)) + (len(LETTER) + 2).to_bytes(2, "big") + LETTER
    return frame[:2] + segment + frame[2:] + LETTER


@pytest.mark.parametrize("marker", [0xFE, 0xE0, 0xE1, 0xED, 0xEE])
def test_comments_and_application_data_of_jpeg_frames_go(marker: int) -> None:
    frames = [jpeg_with(marker), picture("JPEG")]
    ds = deidentified(compressed(JPEGBaseline8Bit, *frames))
    assert LETTER not in part10(ds)
    assert (ds.pixel_array[0] == ds.pixel_array[1]).all()
    assert ds.NumberOfFrames == 2


def test_comments_of_jpeg_2000_and_what_follows_its_end_go() -> None:
    frame = picture("JPEG2000", no_jp2=True, comment=LETTER.decode()) + LETTER
    assert frame.count(LETTER) == 2
    found = deidentified(compressed(JPEG2000Lossless, frame))
    assert LETTER not in part10(found)
    assert (found.pixel_array.ravel() == np.arange(64)).all()
    with pytest.raises(CannotDeidentify, match="cannot be distinguished from pixels"):
        deidentified(compressed(JPEG2000Lossless, picture("JPEG2000")))


@pytest.mark.parametrize("syntax", [RLELossless, JPEGLSLossless])
def test_what_follows_the_last_pixel_of_other_frames_goes(syntax: str) -> None:
    ds = image()
    ds.compress(syntax)
    (frame,) = generate_frames(ds.PixelData, number_of_frames=1)
    found = deidentified(compressed(syntax, frame + LETTER))
    assert LETTER not in part10(found)
    assert (found.pixel_array.ravel() == np.arange(64)).all()


def test_video_and_damaged_frames_are_refused() -> None:
    for syntax, frame in ((MPEG2MPML, LETTER), (JPEGBaseline8Bit, LETTER), (RLELossless, LETTER)):
        with pytest.raises(CannotDeidentify):
            deidentified(compressed(syntax, frame))


def test_what_follows_native_pixels_and_unknown_attributes_of_their_group_go() -> None:
    ds = image()
    ds.PixelData = bytes(range(64)) + LETTER + b" "
    ds.add_new(0x7FE00099, "OB", LETTER + b" ")
    found = deidentified(ds)
    assert bytes(found.PixelData) == bytes(range(64))
    assert [one.tag for one in found.group_dataset(0x7FE0)] == [pydicom.tag.Tag("PixelData")]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [("Екатерина", "iso8859-5"), ("Иванова", "utf-16-be"), ("12.03.1931", "ascii")],
)
def test_a_name_or_the_birth_date_instead_of_pixels_is_refused(text: str, encoding: str) -> None:
    ds = image(PatientName="Иванова^Екатерина", PatientBirthDate="19310312")
    ds.PixelData = text.encode(encoding).ljust(64, b"\0")
    with pytest.raises(CannotDeidentify, match="After de-identification"):
        deidentified(ds)


def test_pixels_within_sequences_go() -> None:
    ds = image()
    ds.SourceImageSequence = [image()]
    found = deidentified(ds)
    assert "PixelData" not in found.SourceImageSequence[0]


def test_unused_bits_are_cleared_and_negative_pixels_stay_negative() -> None:
    (ds,) = series(np.zeros((1, 2, 2), np.int16), modality="CT")
    ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 12, 11, 0
    ds.PixelData = np.array([0x8ABC, 0x0123, 0xFFFF, 0], "<u2").tobytes()
    assert deidentified(ds).PixelData == np.array([0xABC, 0x123, 0xFFF, 0], "<u2").tobytes()
    ds.PixelRepresentation = 1
    ds.PixelData = np.array([-1000, 0x4123, 7, 0], "<i2").tobytes()
    assert deidentified(ds).PixelData == np.array([-1000, 0x123, 7, 0], "<i2").tobytes()
