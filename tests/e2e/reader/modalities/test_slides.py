"""A person looks at a whole slide: all of it, then closer, in tiles of what fits the screen."""

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Locator, Page, expect
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    ExplicitVRLittleEndian,
    VLWholeSlideMicroscopyImageStorage,
    generate_uid,
)

from tests.e2e.support.browser import chromium
from tests.e2e.support.node import Node
from tests.e2e.support.opening import store
from tests.e2e.support.pointing import seen

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(300)]

_TILE = 128
# Not a whole number of tiles either way.
_COLUMNS, _ROWS = 1500, 1000


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium() as page:
        yield page


def tissue() -> NDArray[np.uint8]:
    """Red grows to the right, green downwards, and there is a blue square."""
    image = np.zeros((_ROWS, _COLUMNS, 3), np.uint8)
    image[..., 0] = np.linspace(20, 235, _COLUMNS)[None, :]
    image[..., 1] = np.linspace(20, 235, _ROWS)[:, None]
    image[700:740, 1100:1140] = (0, 0, 255)
    return image


def tiles_of(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Row by row, those at the right and at the lower edge filled up with white."""
    rows, columns = -(-image.shape[0] // _TILE), -(-image.shape[1] // _TILE)
    whole = np.full((rows * _TILE, columns * _TILE, 3), 255, np.uint8)
    whole[: image.shape[0], : image.shape[1]] = image
    cut = whole.reshape(rows, _TILE, columns, _TILE, 3).swapaxes(1, 2)
    return np.ascontiguousarray(cut.reshape(-1, _TILE, _TILE, 3))


def level(like: Dataset | None, factor: int, *, sparse: bool = False) -> Dataset:
    image = tissue()[::factor, ::factor]
    tiles = tiles_of(image)
    across = -(-image.shape[1] // _TILE)
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.SOPClassUID = VLWholeSlideMicroscopyImageStorage
    made.file_meta.MediaStorageSOPClassUID = made.SOPClassUID
    made.SOPInstanceUID = made.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    made.StudyInstanceUID = like.StudyInstanceUID if like else generate_uid()
    made.SeriesInstanceUID = like.SeriesInstanceUID if like else generate_uid()
    made.PatientID, made.PatientName, made.StudyDate = "READS-SM", "Slide^One", "20240501"
    made.Modality, made.SeriesDescription, made.InstanceNumber = "SM", "H&E", factor
    made.ImageType = ["ORIGINAL", "PRIMARY", "VOLUME", "NONE" if factor == 1 else "RESAMPLED"]
    made.Rows = made.Columns = _TILE
    made.TotalPixelMatrixRows, made.TotalPixelMatrixColumns = image.shape[:2]
    made.NumberOfFrames = len(tiles)
    made.SamplesPerPixel, made.PhotometricInterpretation, made.PlanarConfiguration = 3, "RGB", 0
    made.BitsAllocated = made.BitsStored = 8
    made.HighBit, made.PixelRepresentation = 7, 0
    shared, measures = Dataset(), Dataset()
    measures.PixelSpacing = [0.0005 * factor, 0.0005 * factor]
    shared.PixelMeasuresSequence = [measures]
    made.SharedFunctionalGroupsSequence = [shared]
    order = np.arange(len(tiles))
    if sparse:
        # The scanner went the other way.
        order = order[::-1]
        made.DimensionOrganizationType = "TILED_SPARSE"
        made.PerFrameFunctionalGroupsSequence = []
        for tile in order:
            group, position = Dataset(), Dataset()
            position.ColumnPositionInTotalImagePixelMatrix = int(tile % across) * _TILE + 1
            position.RowPositionInTotalImagePixelMatrix = int(tile // across) * _TILE + 1
            group.PlanePositionSlideSequence = [position]
            made.PerFrameFunctionalGroupsSequence.append(group)
    else:
        made.DimensionOrganizationType = "TILED_FULL"
    made.PixelData = tiles[order].tobytes()
    made["PixelData"].VR = "OB"
    return made


def slide() -> list[Dataset]:
    finest = level(None, 1)
    return [level(finest, 8), finest, level(finest, 4, sparse=True)]


def settled(page: Page) -> Locator:
    shown = page.get_by_test_id("slide")
    expect(shown).to_have_attribute("data-missing", "0", timeout=60_000)
    return shown


def colours(shown: Locator, x: float, y: float) -> tuple[NDArray[np.int16], NDArray[np.int16]]:
    """What a pixel of the screen shows, and what the slide has at the place that it states."""
    picture = seen(shown)
    height, width = picture.shape[:2]
    scale, left, top = (
        float(shown.get_attribute(f"data-{name}") or "nan") for name in ("scale", "x", "y")
    )
    column = left + (x * width - width / 2) * scale
    row = top + (y * height - height / 2) * scale
    at = picture[int(y * height) - 1 : int(y * height) + 2, int(x * width) - 1 : int(x * width) + 2]
    there = tissue()[int(row), int(column)].astype(np.int16)
    return at.reshape(-1, 3).mean(axis=0).astype(np.int16), there


def test_a_slide_is_whole_at_first_and_sharper_the_closer_one_goes(node: Node, page: Page) -> None:
    page.goto(f"{node.url}/study/?study={store(node, slide())}")
    shown = settled(page)
    # 1,500 pixels on some 900 of the screen: the second level is too coarse.
    assert shown.get_attribute("data-level") == "0"
    for _ in range(4):
        shown.press("-")
    shown = settled(page)
    expect(shown).to_have_attribute("data-level", "0")
    for x, y in ((0.45, 0.45), (0.55, 0.5), (0.5, 0.57)):
        found, expected = colours(shown, x, y)
        assert np.abs(found - expected).max() <= 12, (found, expected)
    # Closer, about the blue square, with the wheel: the place under the pointer stays.
    shown.press("r")
    settled(page)
    box = shown.bounding_box()
    assert box is not None
    scale, left, top = (
        float(shown.get_attribute(f"data-{name}") or "nan") for name in ("scale", "x", "y")
    )
    at = (
        box["x"] + box["width"] / 2 + (1120 - left) / scale,
        box["y"] + box["height"] / 2 + (720 - top) / scale,
    )
    page.mouse.move(*at)
    for _ in range(6):
        page.mouse.wheel(0, -120)
    shown = settled(page)
    share = ((at[0] - box["x"]) / box["width"], (at[1] - box["y"]) / box["height"])
    found, expected = colours(shown, *share)
    assert expected.tolist() == [0, 0, 255]
    assert np.abs(found - expected).max() <= 12
    # 0.5 µm a pixel are 20×.
    now = float(shown.get_attribute("data-scale") or "nan")
    expect(shown.get_by_test_id("slide-text")).to_contain_text(f"{round(20 / now, 2):g}×")
    # Dragged to the right, what was left of it comes.
    before = float(shown.get_attribute("data-x") or "nan")
    page.mouse.down()
    page.mouse.move(at[0] + 100, at[1] + 30, steps=4)
    page.mouse.up()
    moved = float(settled(page).get_attribute("data-x") or "nan")
    assert moved == pytest.approx(before - 100 * now, abs=0.01)


def test_a_coarser_level_is_taken_where_the_screen_is_small(node: Node, page: Page) -> None:
    page.set_viewport_size({"width": 1100, "height": 560})
    with page.expect_response(lambda answer: "/frames/" in answer.url) as first:
        page.goto(f"{node.url}/study/?study={store(node, slide())}")
    assert first.value.ok
    shown = page.get_by_test_id("slide")
    shown.focus()
    for _ in range(2):
        shown.press("-")
    expect(shown).to_have_attribute("data-level", "1")
    settled(page)
    # Its tiles are stored from the last to the first, and lie by their positions.
    for x, y in ((0.45, 0.45), (0.55, 0.52)):
        found, expected = colours(shown, x, y)
        assert np.abs(found - expected).max() <= 14, (found, expected)
