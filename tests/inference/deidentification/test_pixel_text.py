"""Text in pixels is blanked where the project has it done, and read by OCR no more."""

import io

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont
from pydicom.dataset import Dataset, FileDataset
from pydicom.uid import RLELossless

from inference.deidentification.errors import CannotDeidentify
from inference.deidentification.pixels.burned_in import LookedAt
from inference.deidentification.pixels.pixel_text import blank_text, has_written_text, is_written
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


def slice_with(text: str, modality: str = "CT", **attributes: object) -> FileDataset:
    """A signed image whose header says nothing of the text that is written in it."""
    image = Image.new("L", (360, 60), 90)
    ImageDraw.Draw(image).text((20, 20), text, 250, ImageFont.load_default(18))
    values = np.asarray(image).astype(np.int16) * 8 - 1024
    (ds,) = series(values[None], modality="CT", **attributes)
    ds.Modality = modality
    return ds


@pytest.mark.parametrize("stated", ["", "NO"])
def test_text_of_which_no_header_speaks_keeps_an_image_here(stated: str) -> None:
    with pytest.raises(CannotDeidentify, match="Text was read in its pixels"):
        deidentified(slice_with(NAME, BurnedInAnnotation=stated))


@pytest.mark.slow
@pytest.mark.parametrize("modality", ["CT", "DX"])
def test_text_of_which_no_header_speaks_is_blanked_where_wanted(modality: str) -> None:
    original = slice_with(NAME, modality)
    found = deidentified(original, "clean-pixel-data")
    assert codes(found) == {"113100", "113101"}
    kept = found.pixel_array.astype(np.float64)
    grey = ((kept - kept.min()) / (np.ptp(kept) or 1) * 255).astype(np.uint8)
    assert not [
        one for one in read_image(Image.fromarray(grey).convert("RGB"), 1).lines if "Q" in one.text
    ]


@pytest.mark.slow
def test_the_marks_of_a_film_stay_on_it() -> None:
    film = slice_with("AP SUPINE", "DX")
    assert (deidentified(film, "clean-pixel-data").pixel_array == film.pixel_array).all()
    assert codes(deidentified(film)) == {"113100"}


def test_of_a_series_the_first_the_middle_and_the_last_image_are_looked_at() -> None:
    looked_at = LookedAt()
    slices = series(np.zeros((9, 4, 4), np.int16), modality="CT")
    for one in [*slices[4:], *slices[:4]]:
        looked_at.see(one)
    assert [int(one.InstanceNumber) for one in slices if looked_at.has(one)] == [1, 5, 9]
    for one in slices:
        one.Modality = "DX"
    assert all(looked_at.has(one) for one in slices)
    slices[0].SOPClassUID = "1.2.840.10008.5.1.4.1.1.66.4"
    assert not looked_at.has(slices[0])


@pytest.mark.slow
def test_text_that_a_spot_of_metal_makes_faint_or_that_is_turned_is_read() -> None:
    beside_metal = slice_with(NAME)
    values = beside_metal.pixel_array.copy()
    values[2:8, 340:346] = 30000
    beside_metal.PixelData = values.tobytes()
    turned = slice_with(NAME)
    values = np.ascontiguousarray(np.rot90(turned.pixel_array))
    turned.Rows, turned.Columns, turned.PixelData = *values.shape, values.tobytes()
    for one in (beside_metal, turned):
        with pytest.raises(CannotDeidentify, match="Text was read in its pixels"):
            deidentified(one)
        assert codes(deidentified(one, "clean-pixel-data")) == {"113100", "113101"}


@pytest.mark.slow
@pytest.mark.parametrize("place", ["second", "group", "table"])
def test_text_that_shows_in_any_window_of_the_header_is_read(place: str) -> None:
    """A name within soft tissue beside bone, as faint in every other view."""
    one = slice_with(NAME)
    drawn = one.pixel_array > 0
    rng = np.random.default_rng(1)
    values = np.full(drawn.shape, 36, np.int16) + rng.integers(-4, 5, drawn.shape)
    values[drawn] = 70
    values[:, :60], values[:, 330:] = -1000, 1200
    one.PixelData, one.RescaleIntercept = values.astype(np.int16).tobytes(), 0
    wide, narrow = (480, 2500), (40, 80)
    if place == "second":
        one.WindowCenter, one.WindowWidth = map(list, zip(wide, narrow, strict=True))
    elif place == "group":
        voi, group = Dataset(), Dataset()
        voi.WindowCenter, voi.WindowWidth = narrow
        group.FrameVOILUTSequence = [voi]
        one.SharedFunctionalGroupsSequence = [group]
    else:
        table = Dataset()
        table.LUTDescriptor = [4096, 0, 16]
        table.add_new("LUTData", "OW", np.repeat([0, 65535], [55, 4041]).astype("<u2").tobytes())
        one.VOILUTSequence = [table]
    with pytest.raises(CannotDeidentify, match="Text was read in its pixels"):
        deidentified(one)


def slice_with_letters(text: str, step: tuple[int, int]) -> FileDataset:
    """Each letter by itself, `step` rows and columns from the one before."""
    image = Image.new("L", (360, 360), 90)
    for at, letter in enumerate(text):
        place = (30 + at * step[1], 20 + at * step[0])
        ImageDraw.Draw(image).text(place, letter, 250, ImageFont.load_default(16))
    values = np.asarray(image).astype(np.int16) * 8 - 1024
    (ds,) = series(values[None], modality="CT")
    return ds


@pytest.mark.slow
@pytest.mark.parametrize("step", [(60, 0), (0, 75)], ids=["downwards", "far apart"])
def test_a_name_that_is_written_a_letter_at_a_time_is_read(step: tuple[int, int]) -> None:
    original = slice_with_letters("WEBER", step)
    with pytest.raises(CannotDeidentify, match="Text was read in its pixels"):
        deidentified(original)
    kept = deidentified(original, "clean-pixel-data").pixel_array
    assert (kept == kept[0, 0]).all() or (kept[20:40, 30:45] == kept.min()).all()
    letters = original.pixel_array > 0
    assert not (kept[letters] > 0).any()


def test_a_name_in_the_noise_of_a_film_is_read_and_blanked() -> None:
    """Of 1.6 standard deviations of the noise, above tissue of 20 times that: people read it."""
    image = Image.new("L", (768, 400))
    ImageDraw.Draw(image).text((30, 200), "WEISSENBORNER 17.04", 255, ImageFont.load_default(50))
    drawn = np.asarray(image) > 128
    rows, columns = np.mgrid[:400, :768]
    values = np.random.default_rng(2).normal(2000, 60, drawn.shape)
    values += 1200 * np.sin(rows / 180) * np.cos(columns / 150) + 100 * drawn
    (made,) = series(values.astype(np.int16)[None], modality="CT", BurnedInAnnotation="NO")
    made.Modality = "DX"
    buffer = io.BytesIO()
    made.save_as(buffer, enforce_file_format=True)
    buffer.seek(0)
    film = pydicom.dcmread(buffer)
    assert has_written_text(film, every_frame=True)
    before = film.pixel_array.copy()
    blank_text(film, is_written)
    assert (film.pixel_array[drawn] != before[drawn]).mean() > 0.95
