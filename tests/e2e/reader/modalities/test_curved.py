"""A person follows a bent tube with a curve: what is straightened, cut and measured is true."""

import re
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Locator, Page, expect
from pydicom.dataset import Dataset
from scipy.integrate import quad
from scipy.interpolate import CubicSpline
from scipy.optimize import brentq

from tests import builders
from tests.e2e.support.accessibility import serious_findings
from tests.e2e.support.browser import chromium
from tests.e2e.support.node import Node
from tests.e2e.support.opening import opened, store
from tests.e2e.support.pointing import point_to

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(300)]

# Between slices, rows and columns; none like another, and oblique.
_SPACING = np.array([2.0, 1.2, 1.0])
_SHAPE = (61, 60, 72)
_DIRECTIONS = builders.rotation(6, -5, 8)
_RADIUS_MM, _TUBE_HU, _AROUND_HU = 5.0, 200, -800
_ENDS_MM = 48.0


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium() as page:
        yield page


@pytest.fixture(scope="module")
def study(node: Node) -> str:
    return store(node, phantom())


def bent(z: float | NDArray[np.float64]) -> NDArray[np.float64]:
    """How far to the left the middle of the tube lies, in the coronal plane through the origin."""
    return np.asarray(14 * np.sin(np.pi * np.asarray(z) / 90))


def phantom() -> list[Dataset]:
    extent = (np.array(_SHAPE) - 1) * _SPACING
    origin = -_DIRECTIONS @ extent[::-1] / 2
    k, j, i = np.indices(_SHAPE)
    steps = np.stack([i * _SPACING[2], j * _SPACING[1], k * _SPACING[0]], axis=-1)
    places = steps @ _DIRECTIONS.T + origin
    off = np.full(_SHAPE, np.inf)
    for z in np.arange(-60, 60, 0.5):
        middle = np.array([float(bent(z)), 0.0, z])
        off = np.minimum(off, np.linalg.norm(places - middle, axis=-1))
    # As soft as a scanner draws an edge: linear across it.
    inside = np.clip(_RADIUS_MM + 0.5 - off, 0, 1)
    voxels = np.round(_AROUND_HU + inside * (_TUBE_HU - _AROUND_HU)).astype(np.int16)
    return builders.series(
        voxels,
        modality="CT",
        spacing_mm=tuple(_SPACING),
        directions=_DIRECTIONS,
        origin_mm=list(origin),
        seed=1024,
        PatientID="READS-CURVED",
        WindowCenter="-300",
        WindowWidth="1000",
    )


def plane(page: Page, name: str) -> Locator:
    return page.locator(f'[data-testid=viewport][data-view="{name}"]')


def place_at(page: Page, viewport: Locator, x: float, y: float) -> NDArray[np.float64]:
    """The place of the patient that a share of the viewport shows, where the pointer is then."""
    point_to(page, viewport, x, y)
    return np.array(
        [float(one) for one in stated(viewport.get_by_test_id("cursor-value"), "lps").split()]
    )


def stated(locator: Locator, name: str) -> str:
    return locator.get_attribute(f"data-{name}") or ""


def click_on_tube(page: Page, coronal: Locator, heights: tuple[float, ...]) -> NDArray[np.float64]:
    """Click on the middle of the tube at these heights; the places that were clicked on."""
    corner, other = place_at(page, coronal, 0.4, 0.4), place_at(page, coronal, 0.6, 0.6)
    clicked = []
    for z in heights:
        x = 0.4 + 0.2 * (float(bent(z)) - corner[0]) / (other[0] - corner[0])
        y = 0.4 + 0.2 * (z - corner[2]) / (other[2] - corner[2])
        clicked.append(place_at(page, coronal, x, y))
        page.mouse.down()
        page.mouse.up()
        expect(coronal.get_by_test_id("plane-curve-point")).to_have_count(len(clicked))
    return np.array(clicked)


class Curve:
    """SciPy's natural spline through places, by its length."""

    def __init__(self, places: NDArray[np.float64]) -> None:
        chords = np.linalg.norm(np.diff(places, axis=0), axis=1)
        self.knots = np.concatenate([[0], np.cumsum(chords)])
        self.spline = CubicSpline(self.knots, places, bc_type="natural")
        self.length_mm = self.to(self.knots[-1])

    def to(self, parameter: float) -> float:
        speed = self.spline.derivative()
        return float(
            quad(lambda at: np.linalg.norm(speed(at)), 0, parameter, limit=200, epsabs=1e-6)[0]
        )

    def at(self, along_mm: float) -> NDArray[np.float64]:
        parameter = brentq(lambda at: self.to(at) - along_mm, 0, self.knots[-1])
        return np.asarray(self.spline(parameter))


def shades(canvas: Locator) -> NDArray[np.uint8]:
    width, height, values = canvas.evaluate(
        """canvas => { const {width, height} = canvas;
        const all = canvas.getContext("2d").getImageData(0, 0, width, height).data;
        return [width, height, [...all].filter((_, at) => at % 4 === 0)]; }"""
    )
    return np.array(values, np.uint8).reshape(height, width)


def check_tube(page: Page) -> None:
    """White from top to bottom, in the middle, as wide as the tube is thick."""
    canvas = page.get_by_test_id("straightened-picture")
    picture, mm = shades(canvas), float(stated(canvas, "column-mm"))
    rows, columns = picture.shape
    for row in range(rows // 10, rows - rows // 10, 5):
        (white,) = np.nonzero(picture[row] > 127)
        assert abs((white[0] + white[-1]) / 2 - (columns - 1) / 2) * mm < 1.2
        assert len(white) == white[-1] - white[0] + 1
        assert abs(len(white) * mm - 2 * _RADIUS_MM) < 1.5


def height_of_plane(page: Page) -> float:
    text = plane(page, "axial").get_by_test_id("plane-place").first.inner_text()
    found = re.fullmatch(r"([HF]) ([\d.]+) mm", text)
    assert found is not None, text
    return float(found[2]) * (1 if found[1] == "H" else -1)


def test_a_bent_tube_is_straightened_cut_and_measured_along_its_curve(
    node: Node, study: str, page: Page
) -> None:
    opened(page, node, study)
    expect(page.get_by_test_id("curved-toggle")).to_have_count(0)
    page.keyboard.press("K")
    coronal = plane(page, "coronal")
    for name in ("axial", "coronal"):
        expect(plane(page, name)).to_have_attribute("data-image-rendered", "true")
        expect(plane(page, name)).to_have_attribute("data-loaded", "all")
    status, straight = page.get_by_test_id("curved-status"), page.get_by_test_id("straightened")
    expect(status).to_contain_text("Click into the planes")
    clicked = click_on_tube(page, coronal, (_ENDS_MM, 22.0, -4.0, -26.0, -_ENDS_MM))
    curve = Curve(clicked)
    expect(status).to_contain_text(f"Length of the curve {curve.length_mm:.1f} mm")
    assert abs(float(stated(straight, "length-mm")) - curve.length_mm) < 0.01
    assert stated(straight, "runs") == "down"
    assert serious_findings(page) == []

    # The tube is straight and round from wherever it is seen.
    check_tube(page)
    straight.focus()
    for _ in range(14):
        page.keyboard.press("ArrowRight")
    expect(straight).to_have_attribute("data-drawn-degrees", "70")
    check_tube(page)
    section = page.get_by_test_id("cross-section-picture")
    mm2 = float(stated(section, "column-mm")) * float(stated(section, "row-mm"))
    assert abs((shades(section) > 127).sum() * mm2 / (np.pi * _RADIUS_MM**2) - 1) < 0.1

    # The cursor goes along the curve by its length, and the planes with it.
    page.keyboard.press("Home")
    page.get_by_test_id("curved-mark").click()
    straight.focus()
    for _ in range(3):
        page.keyboard.press("PageDown")
    expect(status).to_contain_text("cursor at 30.0 mm · 30.0 mm from the mark")
    assert abs(height_of_plane(page) - curve.at(30.0)[2]) < 0.1

    # The value at the pointer is that of the voxel there; a slab shows the least of its thickness.
    point_at_middle(page, straight)
    value = straight.get_by_test_id("curved-value")
    expect(value).to_contain_text(f": {_TUBE_HU} HU")
    projection = page.get_by_test_id("curved-projection")
    projection.select_option("max")
    check_tube(page)
    projection.select_option("min")
    page.get_by_test_id("curved-thickness").fill("16")
    page.mouse.move(1, 1)
    point_at_middle(page, straight)
    expect(value).to_have_text(re.compile(rf"^min .*: {_AROUND_HU} HU$"))
    assert shades(page.get_by_test_id("straightened-picture")).max() < 20


def point_at_middle(page: Page, straight: Locator) -> None:
    box = straight.get_by_test_id("straightened-picture").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] * 0.6, steps=3)


def test_points_are_dragged_inserted_removed_and_taken_back(
    node: Node, study: str, page: Page
) -> None:
    opened(page, node, study)
    page.keyboard.press("K")
    coronal = plane(page, "coronal")
    expect(coronal).to_have_attribute("data-loaded", "all")
    points, straight = (
        coronal.get_by_test_id("plane-curve-point"),
        page.get_by_test_id("straightened"),
    )
    clicked = click_on_tube(page, coronal, (_ENDS_MM, -_ENDS_MM))
    straight_mm = float(np.linalg.norm(clicked[1] - clicked[0]))

    def has_length(mm: float) -> None:
        status = page.get_by_test_id("curved-status")
        expect(status).to_contain_text(f"Length of the curve {mm:.1f} mm")

    has_length(straight_mm)
    # A click on the curve is a point between its neighbours, which can be dragged.
    box = coronal.bounding_box()
    first, last = (
        (float(stated(points.nth(at), "x")), float(stated(points.nth(at), "y"))) for at in (0, 1)
    )
    assert box is not None
    x, y = box["x"] + (first[0] + last[0]) / 2, box["y"] + (first[1] + last[1]) / 2
    page.mouse.click(x, y)
    expect(points).to_have_count(3)
    assert float(stated(points.nth(1), "y")) < last[1]
    has_length(straight_mm)
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 30, y, steps=5)
    page.mouse.up()
    lps = [place_of(page, coronal, points.nth(at)) for at in range(3)]
    has_length(Curve(np.array(lps)).length_mm)
    page.keyboard.press("Control+z")
    has_length(straight_mm)
    page.keyboard.press("Control+z")
    expect(points).to_have_count(2)
    page.keyboard.press("Control+y")
    expect(points).to_have_count(3)
    # With a tool that draws, undo is of what was drawn; the curve stays.
    page.keyboard.press("l")
    page.keyboard.press("Control+z")
    page.keyboard.press("Delete")
    page.wait_for_timeout(300)
    expect(points).to_have_count(3)
    page.keyboard.press("w")
    # By keyboard: from the list.
    page.get_by_test_id("curve-points").locator("summary").press("Enter")
    page.get_by_test_id("remove-curve-point").first.press("Enter")
    expect(points).to_have_count(2)
    # Esc ends the placing, then closes what is straightened, and leaves the study last.
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("place-points")).to_have_attribute("aria-pressed", "false")
    page.mouse.click(x, y - 40)
    page.wait_for_timeout(300)
    expect(points).to_have_count(2)
    page.keyboard.press("Escape")
    expect(straight).to_have_count(0)
    expect(points).to_have_count(0)
    expect(coronal).to_be_visible()
    # The curve is there again with its picture.
    page.get_by_test_id("curved-toggle").click()
    expect(points).to_have_count(2)


def place_of(page: Page, viewport: Locator, point: Locator) -> NDArray[np.float64]:
    """The place that a point of the curve marks, as the plane below it says."""
    size = viewport.bounding_box()
    assert size is not None
    x, y = float(stated(point, "x")), float(stated(point, "y"))
    # The pointer over a point is not over the plane: on either side of it, then.
    sides = [
        place_at(page, viewport, (x + by) / size["width"], y / size["height"]) for by in (-20, 20)
    ]
    return np.asarray(np.mean(sides, axis=0))
