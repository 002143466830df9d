"""A person turns the maximum projection of a PET and goes to a lesion that it shows."""

import io
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Locator, Page, expect
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from tests import builders
from tests.e2e.reader.modalities.test_uptake import draw_circle
from tests.e2e.support.browser import chromium
from tests.e2e.support.node import Node
from tests.e2e.support.opening import opened, store

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(300)]

# Between slices, rows and columns.
_SPACING = np.array([4.0, 3.0, 3.0])
_ORIGIN = np.array([-60.0, -50.0, 10.0])
# Slice, row and column: in front on the patient's left, and behind on the right.
_FRONT, _BACK = (20, 8, 30), (8, 27, 10)


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium() as page:
        yield page


def activity() -> NDArray[np.int16]:
    """An ellipse of a body with little uptake and two lesions of 3 × 3 × 3 voxels in it."""
    _, j, i = np.indices((30, 37, 41))
    body = np.where(((i - 20) / 18) ** 2 + ((j - 18) / 15) ** 2 <= 1, 1500, 100)
    for k, row, column in (_FRONT, _BACK):
        body[k - 1 : k + 2, row - 1 : row + 2, column - 1 : column + 2] = 20_000
        body[k, row, column] = 25_000
    return np.asarray(body, np.int16)


def pet(**attributes: object) -> list[Dataset]:
    images = builders.series(
        activity(),
        modality="PT",
        spacing_mm=tuple(_SPACING),
        origin_mm=list(_ORIGIN),
        seed=980,
        PatientID="READS-MIP",
        Units="BQML",
        DecayCorrection="ADMIN",
        PatientWeight="70",
        CorrectedImage=["DECY", "ATTN"],
        **attributes,
    )
    for image in images:
        drug = Dataset()
        drug.RadionuclideTotalDose, drug.RadionuclideHalfLife = "350000000", "6586.2"
        image.RadiopharmaceuticalInformationSequence = [drug]
    return images


def lps(voxel: tuple[int, int, int]) -> NDArray[np.float64]:
    k, j, i = voxel
    return np.asarray(_ORIGIN + np.array([i * _SPACING[2], j * _SPACING[1], k * _SPACING[0]]))


def picture(mip: Locator) -> NDArray[np.int16]:
    shot = mip.get_by_test_id("mip-picture").screenshot()
    return np.asarray(Image.open(io.BytesIO(shot)).convert("L"), np.int16)


def seen_at(degrees: int, voxel: tuple[int, int, int]) -> tuple[float, float]:
    """Where a voxel is from an angle: mm to the right of the middle, and mm above it."""
    middle = lps((0, 0, 0)) / 2 + lps((29, 36, 40)) / 2
    x, y, z = lps(voxel) - middle
    angle = np.radians(degrees)
    return float(x * np.cos(angle) + y * np.sin(angle)), float(z)


def darkest(mip: Locator, degrees: int) -> list[tuple[float, float]]:
    """Darkness at the two lesions and beside them: shares of the picture where they must be."""
    shown = picture(mip)
    height, width = shown.shape
    # The picture is as high as the body: 30 slices of 4 mm.
    mm = 30 * _SPACING[0] / height
    found = []
    for voxel in (_FRONT, _BACK):
        right, up = seen_at(degrees, voxel)
        column, row = width / 2 + right / mm, height / 2 - up / mm
        there = shown[round(row) - 2 : round(row) + 3, round(column) - 2 : round(column) + 3]
        found.append((float(there.mean()), float(np.median(shown[round(row)]))))
    return found


def test_it_turns_and_a_click_on_a_lesion_moves_all_planes_there(node: Node, page: Page) -> None:
    opened(page, node, store(node, pet()))
    page.keyboard.press("m")
    mip = page.get_by_test_id("mip")
    expect(mip).to_have_attribute("data-ready", "true")
    for plane in ("axial", "sagittal", "coronal"):
        expect(page.locator(f"[data-view={plane}]")).to_have_attribute("data-loaded", "all")
    slider = mip.get_by_role("slider")
    for degrees in (0, 90, 180, 270):
        expect(mip).to_have_attribute("data-degrees", str(degrees))
        page.wait_for_timeout(200)
        for dark, body in darkest(mip, degrees):
            # SUV 10 is black, and the body of SUV 0.3 nearly white.
            assert dark < 180
            assert body > 220
        for _ in range(9):
            slider.press("ArrowRight")
    expect(mip).to_have_attribute("data-degrees", "0")

    # From the front: to the lesion that lies behind.
    box = mip.get_by_test_id("mip-picture").bounding_box()
    assert box is not None
    mm = 30 * _SPACING[0] / box["height"]
    right, up = seen_at(0, _BACK)
    pane = mip.bounding_box()
    assert pane is not None
    # All of it is within its pane, however wide the body is.
    assert box["width"] <= pane["width"] + 1
    assert box["x"] >= pane["x"] - 1
    page.mouse.click(
        box["x"] + box["width"] / 2 + right / mm, box["y"] + box["height"] / 2 - up / mm
    )
    mark = mip.get_by_test_id("mip-mark")
    expect(page.locator("[data-view=axial]").get_by_test_id("slice-text")).to_contain_text("9 / 30")
    # The middle of each plane is not moved, but each goes through the voxel.
    for plane, axis, sides in (("sagittal", 0, "RL"), ("coronal", 1, "AP"), ("axial", 2, "FH")):
        value = lps(_BACK)[axis]
        text = f"{sides[int(value > 0)]} {abs(value):.1f} mm"
        expect(page.locator(f"[data-view={plane}]")).to_contain_text(text)
    before = float(mark.get_attribute("data-x") or "nan")

    # A click into the axial plane moves the others, and the lines of the projection.
    axial = page.locator("[data-view=axial]").bounding_box()
    assert axial is not None
    page.mouse.click(axial["x"] + axial["width"] * 0.55, axial["y"] + axial["height"] * 0.45)
    page.wait_for_timeout(500)
    after = float(mark.get_attribute("data-x") or "nan")
    assert abs(after - before) > 1
    mip.get_by_test_id("mip-turn").click()
    expect(mip).not_to_have_attribute("data-degrees", "0")
    mip.get_by_test_id("mip-turn").click()


def test_lean_body_mass_scales_the_uptake_or_says_what_the_header_lacks(
    node: Node, page: Page
) -> None:
    images = pet(PatientSex="M", PatientSize="1.8")
    study, series = generate_uid(), generate_uid()
    for image in images:
        # Another study than that of the projection.
        image.StudyInstanceUID, image.SeriesInstanceUID = study, series
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        image.PatientID = "READS-SUL"
    opened(page, node, store(node, images))
    viewport = page.get_by_test_id("viewport").first
    page.keyboard.press("Home")
    for _ in range(20):
        page.keyboard.press("ArrowDown")
    expect(viewport.get_by_test_id("slice-text")).to_have_text("21 / 30")
    page.keyboard.press("d")
    # The image is 41 columns by 37 rows of 3 mm.
    draw_circle(page, viewport, 30.5 / 41, 0.5 + (8.5 - 18.5) / 41, 0.12)
    row = page.get_by_test_id("uptake-region")
    expect(row).to_have_count(1)

    def most() -> float:
        return float(row.locator("td").first.get_attribute("data-value") or "nan")

    suv = 25_000 * 70_000 / 350e6
    assert most() == pytest.approx(suv, rel=1e-4)
    choice = page.get_by_test_id("uptake-normalisation")
    choice.select_option("janmahasatian")
    bmi = 70 / 1.8**2
    assert most() == pytest.approx(suv * 9270 / (6680 + 216 * bmi), rel=1e-4)
    expect(page.get_by_role("columnheader", name="SULmax")).to_be_visible()
    choice.select_option("james")
    lean = 1.10 * 70 - 128 * (70 / 180) ** 2
    assert most() == pytest.approx(suv * lean / 70, rel=1e-4)
