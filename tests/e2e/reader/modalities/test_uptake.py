"""A person marks lesions on a PET: SUVpeak and metabolic volumes are those that numpy finds."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Locator, Page, expect
from pydicom.dataset import Dataset
from scipy.ndimage import convolve

from tests import builders
from tests.e2e.support.browser import chromium
from tests.e2e.support.node import Node
from tests.e2e.support.opening import opened, store

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(300)]

_SPACING = (3.0, 3.0, 2.5)
_SLOPE = 2.0
# SUVbw of 1 Bq/ml: 70 kg, 350 MBq, decay corrected to the injection.
_SUV = 70_000 / 350e6


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium() as page:
        yield page


def stored() -> NDArray[np.int16]:
    """Two lesions near each other in noise, shape (slices, rows, columns)."""
    k, j, i = np.indices((24, 64, 64))

    def blob(center: tuple[int, int, int], width_mm: float, suv: float) -> NDArray[np.float64]:
        away = sum(
            ((axis - middle) * mm) ** 2
            for axis, middle, mm in zip((k, j, i), center, _SPACING, strict=True)
        )
        return np.asarray(suv * np.exp(-away / (2 * width_mm**2)))

    noise = np.random.default_rng(7).uniform(0.5, 1.5, k.shape)
    suv = noise + blob((12, 30, 28), 7.0, 11.0) + blob((13, 34, 44), 5.0, 7.0)
    return np.asarray(np.round(suv / _SUV / _SLOPE), np.int16)


def pet() -> list[Dataset]:
    images = builders.series(
        stored(),
        modality="PT",
        spacing_mm=_SPACING,
        slope=_SLOPE,
        seed=940,
        PatientID="READS-SUV",
        Units="BQML",
        DecayCorrection="ADMIN",
        PatientWeight="70",
        CorrectedImage=["DECY", "ATTN"],
    )
    for image in images:
        drug = Dataset()
        drug.RadionuclideTotalDose, drug.RadionuclideHalfLife = "350000000", "6586.2"
        image.RadiopharmaceuticalInformationSequence = [drug]
    return images


def one_millilitre() -> NDArray[np.float64]:
    """The share of a sphere of 1 ml in each voxel about its centre, by points 0.1 mm apart."""
    radius = (3000 / (4 * np.pi)) ** (1 / 3)
    reach = [int(np.ceil(radius / mm + 0.5)) for mm in _SPACING]
    along = np.arange(-radius, radius, 0.1) + 0.05
    points = np.stack(np.meshgrid(along, along, along, indexing="ij"), -1).reshape(-1, 3)
    points = points[np.linalg.norm(points, axis=1) <= radius]
    index = np.round(points / np.array(_SPACING)).astype(int) + reach
    weights = np.zeros([2 * one + 1 for one in reach])
    np.add.at(weights, tuple(index.T), 1.0)
    return np.asarray(weights / weights.sum())


def truth(
    suv: NDArray[np.float64], circle: dict[str, Any], slice_index: int, least: float | None
) -> tuple[float, float, NDArray[np.bool_]]:
    """SUVmax, SUVpeak and the voxels that count; `least` is 41 % of the maximum where None."""
    (x, y), (edge_x, edge_y) = circle["points"]
    radius = np.hypot((edge_x - x) * _SPACING[2], (edge_y - y) * _SPACING[1])
    k, j, i = np.indices(suv.shape)
    away = np.sqrt(
        ((k - slice_index) * _SPACING[0]) ** 2
        + ((j + 0.5 - y) * _SPACING[1]) ** 2
        + ((i + 0.5 - x) * _SPACING[2]) ** 2
    )
    within = away <= radius
    most = float(suv[within].max())
    counted = within & (suv >= (0.41 * most if least is None else least))
    means = convolve(suv, one_millilitre(), mode="constant", cval=np.nan)
    return most, float(np.nanmax(means[counted])), counted


def draw_circle(page: Page, viewport: Locator, x: float, y: float, radius: float) -> None:
    """Its middle and its radius as shares of the image, which is square."""
    box = viewport.bounding_box()
    assert box is not None
    size = min(box["width"], box["height"])
    at = (
        box["x"] + box["width"] / 2 + (x - 0.5) * size,
        box["y"] + box["height"] / 2 + (y - 0.5) * size,
    )
    page.mouse.move(*at)
    page.mouse.down()
    page.mouse.move(at[0] + radius * size / 2, at[1], steps=4)
    page.mouse.move(at[0] + radius * size, at[1], steps=4)
    page.mouse.up()


def numbers(row: Locator) -> list[float]:
    cells = row.locator("td")
    return [float(cells.nth(at).get_attribute("data-value") or "nan") for at in range(4)]


def test_what_circles_mark_on_a_pet_is_measured_as_numpy_measures_it(
    node: Node, page: Page
) -> None:
    images = pet()
    uid = store(node, images)
    opened(page, node, uid)
    viewport = page.get_by_test_id("viewport").first
    expect(viewport.get_by_test_id("slice-text")).to_have_text("13 / 24")
    page.keyboard.press("d")
    rows = page.get_by_test_id("uptake-region")
    draw_circle(page, viewport, 28.5 / 64, 30.5 / 64, 0.15)
    expect(rows).to_have_count(1)
    # On the next image no text of the first lies where the second is drawn.
    page.keyboard.press("ArrowDown")
    expect(viewport.get_by_test_id("slice-text")).to_have_text("14 / 24")
    draw_circle(page, viewport, 44.5 / 64, 34.5 / 64, 0.17)
    expect(rows).to_have_count(2)
    with page.expect_response(lambda answer: answer.url.endswith("/measurements")):
        page.get_by_test_id("save-measurements").click()
    reports = node.get(f"/api/studies/{uid}/measurements")["items"]
    circles = reports[-1]["measurements"]
    index_of = {str(image.SOPInstanceUID): index for index, image in enumerate(images)}
    suv = stored() * _SLOPE * _SUV
    expect(viewport.get_by_test_id("dose-wash")).to_be_attached()
    for name, least in (("share41", None), ("suv4", 4.0), ("suv25", 2.5)):
        page.get_by_test_id("uptake-threshold").select_option(name)
        page.wait_for_timeout(300)
        union = np.zeros(suv.shape, bool)
        for at, circle in enumerate(circles):
            most, peak, counted = truth(suv, circle, index_of[circle["sop_instance_uid"]], least)
            union |= counted
            found_most, found_peak, volume, glycolysis = numbers(rows.nth(at))
            assert found_most == pytest.approx(most, rel=1e-4)
            # Two ways to cut a sphere into voxels.
            assert found_peak == pytest.approx(peak, rel=0.01)
            voxel_ml = float(np.prod(_SPACING)) / 1000
            assert volume == pytest.approx(counted.sum() * voxel_ml, rel=1e-6)
            assert glycolysis == pytest.approx(suv[counted].sum() * voxel_ml, rel=1e-4)
        total = page.get_by_test_id("uptake-total").locator("td")
        found = float(total.nth(2).get_attribute("data-value") or "nan")
        assert found == pytest.approx(union.sum() * float(np.prod(_SPACING)) / 1000, rel=1e-6)
