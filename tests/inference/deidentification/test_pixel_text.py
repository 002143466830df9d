"""Text in pixels is blanked where the project has it done, and read by OCR no more."""

import io

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from pydicom.dataset import Dataset
from pydicom.uid import RLELossless

from inference.deidentification.errors import CannotDeidentify
from inference.deidentification.pixels.pixel_text import blank_text
from inference.language.documents.reading import read_image
from tests.builders import series
from tests.inference.deidentification.test_deidentifier import codes, deidentified

NAME = "QUERNHAMMER ADALBERT Q-4711"
TISSUE = (slice(20, 120), slice(100, 250))


def screen() -> NDArray[np.uint8]:
    """A captured ultrasound image: a name below its image, and something faint beside it."""
    image = Image.new("RGB", (360, 200), (12, 12, 12))
    ImageDraw.Draw(image).text((20, 150), NAME, (240, 240, 90), ImageFont.load_default(18))
    pixels = np.array(image)
    pixels[TISSUE] = np.linspace(20, 200, 150, dtype=np.uint8)[:, None]
    # Too faint for OCR, and outside of the region.
    pixels[185:195, 5:60, 0] += 3
    return pixels


def captured(pixels: NDArray[np.uint8], **attributes: object) -> Dataset:
    (ds,) = series(np.zeros((1, 4, 4), np.uint8), modality="CT", **attributes)
    ds.SOPClassUID = ds.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.6.1"
    ds.Modality, ds.BurnedInAnnotation = "US", "YES"
    ds.Rows, ds.Columns = pixels.shape[:2]
    ds.SamplesPerPixel, ds.PhotometricInterpretation, ds.PlanarConfiguration = 3, "RGB", 0
    ds.PixelData = pixels.tobytes()
    ds["PixelData"].VR = "OB"
    return ds


@pytest.mark.slow
def test_a_name_and_all_around_the_stated_region_is_blanked_and_the_tissue_stays() -> None:
    region = Dataset()
    region.RegionLocationMinX0, region.RegionLocationMinY0 = 0, 0
    region.RegionLocationMaxX1, region.RegionLocationMaxY1 = 359, 179
    pixels = screen()
    ds = captured(pixels, SequenceOfUltrasoundRegions=[region])
    ds.compress(RLELossless)
    found = deidentified(ds, "clean-pixel-data")
    kept = found.pixel_array
    assert read_image(Image.fromarray(kept), 1).lines == ()
    assert (kept[TISSUE] == pixels[TISSUE]).all()
    assert (kept[180:] == kept.min()).all()
    assert (found.BurnedInAnnotation, codes(found)) == ("NO", {"113100", "113101"})
    assert not found.file_meta.TransferSyntaxUID.is_compressed


def test_an_image_without_suspicion_does_not_state_the_option() -> None:
    (plain,) = series(np.zeros((1, 4, 4), np.int16), modality="CT")
    assert codes(deidentified(plain, "clean-pixel-data")) == {"113100"}


def test_long_loops_and_palettes_are_refused() -> None:
    loop = captured(screen())
    loop.NumberOfFrames = 900
    with pytest.raises(CannotDeidentify, match="900 frames"):
        deidentified(loop, "clean-pixel-data")
    palette = captured(screen())
    palette.PhotometricInterpretation, palette.SamplesPerPixel = "PALETTE COLOR", 1
    palette.PixelData = screen()[:, :, 0].tobytes()
    buffer = io.BytesIO()
    palette.save_as(buffer, enforce_file_format=True)
    buffer.seek(0)
    with pytest.raises(CannotDeidentify, match="PALETTE COLOR of 8 bits"):
        blank_text(pydicom.dcmread(buffer))
