"""Images are shown as someone left them and as their header asks: states, tables, overlays."""

import base64
import io
import re
from collections.abc import Iterator

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Locator, Page, expect
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.pixels import apply_voi_lut
from pydicom.uid import generate_uid

from tests.api.client import part10
from tests.builders import t1_head
from tests.e2e.support.browser import chromium
from tests.e2e.support.node import Node
from tests.e2e.support.presentation import BOX, CENTER, WIDTH, turned_state

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with chromium() as page:
        yield page


def images(number: int = 3) -> list[Dataset]:
    """Images of 40 columns and 30 rows that grow brighter, in a study of their own."""
    made = t1_head((number, 30, 40))
    study, series = generate_uid(), generate_uid()
    ramp = np.arange(30 * 40, dtype=np.uint16).reshape(30, 40)
    for number, image in enumerate(made):
        image.StudyInstanceUID, image.SeriesInstanceUID = study, series
        image.SOPInstanceUID = generate_uid()
        image.WindowCenter, image.WindowWidth = 600, 1200
        image.BitsStored, image.HighBit, image.PixelRepresentation = 12, 11, 0
        image.PixelData = (ramp + number).tobytes()
        for keyword in ("RescaleSlope", "RescaleIntercept", "RescaleType"):
            image.pop(keyword, None)
    return made


def store(node: Node, *bodies: bytes) -> None:
    for body in bodies:
        node.api.post(
            "/dicom-web/studies", content=body, headers={"Content-Type": "application/dicom"}
        ).raise_for_status()


def open_study(node: Node, page: Page, study_instance_uid: str) -> Locator:
    page.goto(f"{node.url}/study/?study={study_instance_uid}")
    viewport = page.get_by_test_id("viewport").first
    expect(viewport).to_have_attribute("data-image-rendered", "true", timeout=60_000)
    return viewport


def letters(viewport: Locator) -> list[str]:
    edges = ("top", "right", "bottom", "left")
    return [viewport.get_by_test_id(f"letter-{edge}").inner_text() for edge in edges]


def matrix(viewport: Locator) -> tuple[float, ...]:
    """From pixels of the image to those of the viewport, as the marks are drawn."""
    group = viewport.locator("[data-testid=image-marks] > g")
    found = re.findall(r"-?[\d.]+(?:e-?\d+)?", group.get_attribute("transform") or "")
    return tuple(map(float, found))


def on_screen(viewport: Locator, column: float, row: float) -> tuple[float, float]:
    a, b, c, d, e, f = matrix(viewport)
    return a * column + c * row + e, b * column + d * row + f


@pytest.mark.slow
def test_a_state_is_listed_and_shows_its_images_as_they_were_left(node: Node, page: Page) -> None:
    stored = images()
    bodies = [part10(image) for image in stored]
    read = [pydicom.dcmread(io.BytesIO(body)) for body in bodies]
    # The viewer opens the middle image: the box is drawn on that one.
    middle = read[1]
    others = [read[0], read[2]]
    store(node, *bodies, turned_state([middle, *others]))
    viewport = open_study(node, page, str(middle.StudyInstanceUID))
    upright = letters(viewport)
    window = viewport.get_by_test_id("window-text")
    expect(window).to_have_text("W 1200 L 600")
    state = page.get_by_test_id("presentation-state")
    expect(state).to_contain_text("Box on its side")
    expect(state).to_contain_text("Reader, Ann")
    state.click()
    expect(window).to_have_text(f"W {WIDTH:.0f} L {CENTER:.0f} inverted")
    top, right, bottom, left = upright
    # Clockwise the left edge comes up and the top edge goes right; then left and right change.
    expect(viewport.get_by_test_id("letter-top")).to_have_text(left)
    assert letters(viewport) == [left, bottom, right, top]
    expect(viewport.get_by_test_id("shutter")).to_have_count(1)
    expect(viewport.get_by_test_id("text-mark")).to_have_text("In the corner")
    # The box lies on the very pixels that it is around.
    box = viewport.get_by_test_id("graphic-mark").bounding_box()
    place = viewport.bounding_box()
    assert box is not None
    assert place is not None
    corners = [on_screen(viewport, *BOX[:2]), on_screen(viewport, *BOX[2:])]
    assert box["x"] - place["x"] == pytest.approx(min(x for x, _ in corners), abs=5)
    assert box["y"] - place["y"] == pytest.approx(min(y for _, y in corners), abs=5)
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2, steps=2)
    value = viewport.get_by_test_id("cursor-value")
    for keyword, middle_of_box in (
        ("column", (BOX[0] + BOX[2]) / 2),
        ("row", (BOX[1] + BOX[3]) / 2),
    ):
        found = float(value.get_attribute(f"data-{keyword}") or "nan")
        assert found + 0.5 == pytest.approx(middle_of_box, abs=0.6)
    page.keyboard.press("ArrowDown")
    expect(viewport).to_have_attribute("data-slice-number", "3")
    expect(viewport.get_by_test_id("graphic-mark")).to_have_count(0)
    expect(window).to_have_text(f"W {WIDTH:.0f} L {CENTER:.0f} inverted")
    page.keyboard.press("ArrowUp")
    expect(viewport.get_by_test_id("graphic-mark")).to_have_count(1)
    state.click()
    expect(window).to_have_text("W 1200 L 600")
    expect(viewport.get_by_test_id("letter-top")).to_have_text(top)
    assert letters(viewport) == upright
    expect(viewport.get_by_test_id("graphic-mark")).to_have_count(0)


def greys(page: Page, viewport: Locator, points: list[tuple[int, int]]) -> NDArray[np.float64]:
    """What is drawn at the middle of pixels (column, row), 0 to 255."""
    page.mouse.move(2, 2)
    shown = np.asarray(Image.open(io.BytesIO(viewport.screenshot())).convert("L"), np.float64)
    places = [on_screen(viewport, column + 0.5, row + 0.5) for column, row in points]
    return np.array([shown[round(y), round(x)] for x, y in places])


@pytest.mark.slow
def test_a_table_of_the_header_gives_the_picture_that_pydicom_makes(node: Node, page: Page) -> None:
    image = images()[1]
    del image.WindowCenter, image.WindowWidth
    item = Dataset()
    item.LUTDescriptor = [1200, 0, 12]
    item.LUTExplanation = "Bent"
    bent = 4095 * (np.arange(1200) / 1199) ** 0.4
    item.LUTData = bent.astype(np.uint16).tobytes()
    item["LUTDescriptor"].VR, item["LUTData"].VR = "US", "OW"
    image.VOILUTSequence = [item]
    body = part10(image)
    store(node, body)
    read = pydicom.dcmread(io.BytesIO(body))
    true = apply_voi_lut(read.pixel_array, read) * (255 / 4095)
    viewport = open_study(node, page, str(image.StudyInstanceUID))
    points = [(8, 2), (20, 9), (31, 15), (12, 22), (30, 27)]
    expected = np.array([true[row, column] for column, row in points])
    np.testing.assert_allclose(greys(page, viewport, points), expected, atol=5)
    page.keyboard.press("i")
    expect(viewport.get_by_test_id("window-text")).to_contain_text("inverted")
    np.testing.assert_allclose(greys(page, viewport, points), 255 - expected, atol=5)
    page.keyboard.press("r")
    expect(viewport.get_by_test_id("window-text")).not_to_contain_text("inverted")
    np.testing.assert_allclose(greys(page, viewport, points), expected, atol=5)


@pytest.mark.slow
def test_a_sigmoid_of_the_header_holds_in_every_slice(node: Node, page: Page) -> None:
    made = images()
    for image in made:
        image.WindowWidth, image.VOILUTFunction = 600, "SIGMOID"
    store(node, *map(part10, made))
    viewport = open_study(node, page, str(made[0].StudyInstanceUID))
    points = [(8, 2), (20, 9), (31, 15), (12, 22), (30, 27)]
    # PS3.3 C.11.2.1.3.1; the images differ by one and two.
    values = np.array([row * 40 + column for column, row in points])
    expected = 255 / (1 + np.exp(-4 * (values - 600) / 600))
    np.testing.assert_allclose(greys(page, viewport, points), expected, atol=5)
    number = int(viewport.get_attribute("data-slice-number") or "0")
    key = "ArrowDown" if number < 3 else "ArrowUp"
    page.keyboard.press(key)
    expect(viewport).not_to_have_attribute("data-slice-number", str(number))
    np.testing.assert_allclose(greys(page, viewport, points), expected, atol=5)


@pytest.mark.slow
def test_a_sigmoid_of_the_header_holds_in_planes_and_while_they_are_windowed(
    node: Node, page: Page
) -> None:
    made = images(16)
    for image in made:
        image.WindowWidth, image.VOILUTFunction = 600, "SIGMOID"
    store(node, *map(part10, made))
    open_study(node, page, str(made[0].StudyInstanceUID))
    page.keyboard.press("m")
    planes = page.get_by_test_id("viewport")
    for name in ("axial", "coronal"):
        expect(planes.and_(page.locator(f"[data-view={name}]"))).to_have_attribute(
            "data-loaded", "all", timeout=60_000
        )
    axial = planes.and_(page.locator("[data-view=axial]"))

    def drawn_is_right(center: float, width: float) -> None:
        found = [value_and_grey(page, axial, y) for y in (0.4, 0.46, 0.56, 0.62)]
        values, shown = np.array(found).T
        expected = 255 / (1 + np.exp(-4 * (values - center) / width))
        # A grey between two rows belongs to a value between theirs, which differ by 40.
        np.testing.assert_allclose(shown, expected, atol=255 / width * 25)
        assert np.ptp(expected) > 60

    drawn_is_right(600, 600)
    box = axial.bounding_box()
    assert box is not None
    page.keyboard.press("w")
    page.mouse.move(box["x"] + 60, box["y"] + 60)
    page.mouse.down()
    page.mouse.move(box["x"] + 100, box["y"] + 80, steps=5)
    page.mouse.up()
    text = axial.get_by_test_id("window-text").inner_text()
    width, center = (float(one) for one in re.findall(r"-?[\d.]+", text)[:2])
    assert (width, center) != (600, 600)
    assert 200 < width < 2400
    drawn_is_right(center, width)


def value_and_grey(page: Page, plane: Locator, y: float) -> tuple[float, float]:
    """The value at the pointer and what is drawn there, beside the crosshairs of a plane."""
    box = plane.bounding_box()
    assert box is not None
    at = (box["x"] + box["width"] * 0.58, box["y"] + box["height"] * y)
    page.mouse.move(at[0] + 3, at[1])
    page.mouse.move(*at)
    value = plane.get_by_test_id("cursor-value")
    expect(value).to_have_attribute("data-value", re.compile(r"\d"))
    page.wait_for_timeout(300)
    number = float(value.get_attribute("data-value") or "nan")
    page.mouse.move(2, 2)
    shown = np.asarray(Image.open(io.BytesIO(page.screenshot())).convert("L"), np.float64)
    return number, shown[round(at[1]), round(at[0])]


@pytest.mark.slow
def test_the_windows_of_the_header_are_offered_by_name(node: Node, page: Page) -> None:
    image = images()[1]
    image.WindowCenter, image.WindowWidth = [600, 200], [1200, 100]
    image.WindowCenterWidthExplanation = ["ALL", "DARK PARTS"]
    store(node, part10(image))
    viewport = open_study(node, page, str(image.StudyInstanceUID))
    expect(viewport.get_by_test_id("window-text")).to_have_text("W 1200 L 600")
    presets = page.get_by_label("Window preset")
    option = presets.locator("option", has_text="DARK PARTS")
    presets.select_option(value=option.get_attribute("value"))
    expect(viewport.get_by_test_id("window-text")).to_have_text("W 100 L 200")


def test_overlay_planes_are_the_bits_that_pydicom_reads(node: Node, page: Page) -> None:
    path = get_testdata_file("examples_overlay.dcm")
    assert isinstance(path, str)
    dataset = pydicom.dcmread(path)
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = generate_uid(), generate_uid()
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    store(node, part10(dataset))
    viewport = open_study(node, page, str(dataset.StudyInstanceUID))
    plane = viewport.get_by_test_id("overlay-plane")
    expect(plane).to_have_count(1)
    _, _, png = (plane.get_attribute("href") or "").partition("base64,")
    drawn = np.asarray(Image.open(io.BytesIO(base64.b64decode(png))).convert("RGBA"))
    np.testing.assert_array_equal(drawn[..., 3] > 0, dataset.overlay_array(0x6000) > 0)
    page.keyboard.press("Shift+O")
    expect(viewport.get_by_test_id("overlay-plane")).to_have_count(0)
    page.keyboard.press("Shift+O")
    expect(viewport.get_by_test_id("overlay-plane")).to_have_count(1)
