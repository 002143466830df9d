"""A length reads the same in the panel, over the image, by the scale bar and in the saved SR."""

import re
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect
from pydicom.dataset import Dataset
from pydicom.uid import (
    ComputedRadiographyImageStorage,
    DigitalMammographyXRayImageStorageForPresentation,
    SecondaryCaptureImageStorage,
    UltrasoundImageStorage,
    generate_uid,
)

from tests.api.client import part10
from tests.builders import t1_head
from tests.e2e.support.browser import chromium
from tests.e2e.support.node import Node

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

ROWS, COLUMNS = 400, 600


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with chromium() as page:
        yield page


def image(modality: str, sop_class_uid: str, **attributes: object) -> Dataset:
    """One grey image of 400 rows and 600 columns that says nothing of the size of its pixels."""
    dataset = t1_head((3, 16, 16))[1]
    for keyword in (
        "PixelSpacing", "ImageOrientationPatient", "ImagePositionPatient", "SliceThickness",
        "SpacingBetweenSlices", "FrameOfReferenceUID", "SmallestImagePixelValue",
    ):  # fmt: skip
        dataset.pop(keyword, None)
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = generate_uid(), generate_uid()
    dataset.SOPInstanceUID = generate_uid()
    dataset.SOPClassUID, dataset.Modality = sop_class_uid, modality
    dataset.file_meta.MediaStorageSOPClassUID = sop_class_uid
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.Rows, dataset.Columns = ROWS, COLUMNS
    dataset.WindowCenter, dataset.WindowWidth = 500, 1000
    dataset.RescaleSlope, dataset.RescaleIntercept = 1, 0
    dataset.PixelRepresentation = 0
    grey = np.add.outer(np.arange(ROWS, dtype=np.uint16), np.arange(COLUMNS, dtype=np.uint16))
    dataset.PixelData = grey.tobytes()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def region(
    columns: tuple[int, int], rows: tuple[int, int], units: tuple[int, int],
    deltas: tuple[float, float], spatial_format: int = 1,
) -> Dataset:  # fmt: skip
    """An item of the Sequence of Ultrasound Regions (PS3.3 C.8.5.5); units 3 are cm, 4 seconds."""
    item = Dataset()
    item.RegionSpatialFormat, item.RegionDataType, item.RegionFlags = spatial_format, 1, 2
    item.RegionLocationMinX0, item.RegionLocationMaxX1 = columns
    item.RegionLocationMinY0, item.RegionLocationMaxY1 = rows
    item.PhysicalUnitsXDirection, item.PhysicalUnitsYDirection = units
    item.PhysicalDeltaX, item.PhysicalDeltaY = deltas
    return item


def ultrasound(*regions: Dataset) -> Dataset:
    dataset = image("US", UltrasoundImageStorage)
    if regions:
        dataset.SequenceOfUltrasoundRegions = list(regions)
    return dataset


def opened(node: Node, page: Page, dataset: Dataset) -> Locator:
    node.api.post(
        "/dicom-web/studies", content=part10(dataset), headers={"Content-Type": "application/dicom"}
    ).raise_for_status()
    page.goto(f"{node.url}/study/?study={dataset.StudyInstanceUID}")
    viewport = page.get_by_test_id("viewport").first
    expect(viewport).to_have_attribute("data-image-rendered", "true", timeout=60_000)
    return viewport


def draw(
    page: Page, viewport: Locator, key: str, start: tuple[float, float], end: tuple[float, float]
) -> None:
    """With the tool of that key, from one place of the image (column, row) to another."""
    page.keyboard.press(key)
    at = [_on_screen(viewport, place) for place in (start, end)]
    page.mouse.move(*at[0], steps=3)
    page.wait_for_timeout(150)
    page.mouse.down()
    page.mouse.move(*at[1], steps=5)
    page.wait_for_timeout(150)
    page.mouse.up()


def _on_screen(viewport: Locator, place: tuple[float, float]) -> tuple[float, float]:
    """The image fills the viewport's shorter side, its middle in the middle."""
    box = viewport.bounding_box()
    assert box is not None
    scale = _screen_pixels_per_image_pixel(box["width"], box["height"])
    return (
        box["x"] + box["width"] / 2 + (place[0] - COLUMNS / 2) * scale,
        box["y"] + box["height"] / 2 + (place[1] - ROWS / 2) * scale,
    )


def _screen_pixels_per_image_pixel(width: float, height: float) -> float:
    return min(width / COLUMNS, height / ROWS)


def saved(node: Node, page: Page, dataset: Dataset) -> tuple[dict[str, float], dict[str, str]]:
    """What the SR states after *Save*: values and UCUM units by quantity."""
    page.get_by_test_id("save-measurements").click()
    expect(page.get_by_test_id("save-measurements")).to_have_attribute("data-saved", "true")
    path = f"/api/studies/{dataset.StudyInstanceUID}/measurements"
    (measurement,) = node.get(path)["items"][-1]["measurements"]
    measured = measurement["measured"]
    return (
        {one["quantity"]: one["value"] for one in measured},
        {one["quantity"]: one["unit"] for one in measured},
    )


def drawn_text(viewport: Locator) -> str:
    """What stands beside the drawing."""
    text = viewport.locator("svg text")
    expect(text.first).to_be_attached()
    return " ".join(text.all_text_contents())


def mm_by_the_bar(viewport: Locator, columns: float) -> float:
    """How long so many columns of the image are, judged with the scale bar."""
    bar = viewport.get_by_test_id("scale-bar")
    box = viewport.bounding_box()
    assert box is not None
    on_screen = columns * _screen_pixels_per_image_pixel(box["width"], box["height"])
    length, pixels = (float(bar.get_attribute(f"data-{one}") or 0) for one in
                      ("length-mm", "pixels"))  # fmt: skip
    return on_screen * length / pixels


_CALIBRATED = {
    # 122 columns of 0.05 cm: 61 mm.
    "ultrasound in cm": (lambda: ultrasound(region((20, 579), (10, 389), (3, 3), (0.05, 0.05))),
                         122, None),
    # 244 columns of 0.25 mm: 61 mm.
    "CR with PixelSpacing": (lambda: image("CR", ComputedRadiographyImageStorage,
                                           PixelSpacing=[0.25, 0.25]), 244, None),
    # 610 × 0.1 mm would not fit: 305 columns of 0.2 mm on the detector.
    "mammography": (lambda: image("MG", DigitalMammographyXRayImageStorageForPresentation,
                                  ImagerPixelSpacing=[0.2, 0.2]), 305,
                    "not corrected for magnification"),
}  # fmt: skip


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(case, marks=() if case == "ultrasound in cm" else pytest.mark.slow)
        for case in _CALIBRATED
    ],
)
def test_a_line_over_61_mm_reads_61_mm_everywhere(node: Node, page: Page, case: str) -> None:
    make, columns, caveat = _CALIBRATED[case]
    dataset = make()
    viewport = opened(node, page, dataset)
    middle = COLUMNS / 2
    draw(page, viewport, "l", (middle - columns / 2, 200.5), (middle + columns / 2, 200.5))
    panel = page.get_by_test_id("measured-text")
    expect(panel).to_have_count(1)
    shown = panel.inner_text()
    assert re.fullmatch(r"\d+\.\d mm", shown), shown
    assert float(shown.removesuffix(" mm")) == pytest.approx(61, abs=0.3)
    assert shown in drawn_text(viewport)
    assert mm_by_the_bar(viewport, columns) == pytest.approx(61, abs=0.3)
    warnings = viewport.get_by_test_id("image-warning").all_inner_texts()
    assert not any("in pixels" in one for one in warnings)
    if caveat:
        assert any(caveat in one for one in warnings)
    values, units = saved(node, page, dataset)
    assert units == {"length": "mm"}
    assert f"{values['length']:.1f} mm" == shown
    page.reload()
    expect(page.get_by_test_id("measured-text")).to_have_text(shown)


@pytest.mark.slow
def test_without_calibration_a_length_is_in_pixels_and_says_so(node: Node, page: Page) -> None:
    dataset = image("OT", SecondaryCaptureImageStorage)
    viewport = opened(node, page, dataset)
    draw(page, viewport, "l", (200, 200.5), (322, 200.5))
    panel = page.get_by_test_id("measured-text")
    expect(panel).to_have_count(1)
    shown = panel.inner_text()
    assert float(shown.removesuffix(" px")) == pytest.approx(122, abs=1)
    assert shown in drawn_text(viewport)
    expect(viewport.get_by_test_id("scale-bar")).to_have_count(0)
    expect(viewport.get_by_test_id("image-warning").filter(has_text="in pixels")).to_be_visible()
    values, units = saved(node, page, dataset)
    assert units == {"length": "{pixels}"}
    assert values["length"] == pytest.approx(122, abs=1)


@pytest.mark.slow
def test_a_line_over_doppler_gives_time_and_velocity(node: Node, page: Page) -> None:
    # 2D above, a spectrum below: 2 ms a column, 0.5 cm/s a row, counted upwards.
    dataset = ultrasound(
        region((0, 599), (0, 189), (3, 3), (0.05, 0.05)),
        region((0, 599), (200, 399), (4, 7), (0.002, -0.5), spatial_format=3),
    )
    viewport = opened(node, page, dataset)
    draw(page, viewport, "l", (200, 300), (350, 260))
    panel = page.get_by_test_id("measured-text")
    expect(panel).to_have_count(1)
    shown = panel.inner_text()
    found = re.fullmatch(r"time ([\d.]+) s, velocity ([\d.]+) cm/s", shown)
    assert found, shown
    assert float(found[1]) == pytest.approx(0.300, abs=0.003)
    assert float(found[2]) == pytest.approx(20, abs=0.5)
    # The bar holds for the 2D image alone, and is that of its scale.
    assert mm_by_the_bar(viewport, 100) == pytest.approx(50, abs=0.3)
    values, units = saved(node, page, dataset)
    assert units == {"time": "s", "velocity": "cm/s"}
    assert f"time {values['time']:.3f} s" in shown


@pytest.mark.slow
def test_what_cannot_be_measured_says_why_and_is_not_saved(node: Node, page: Page) -> None:
    dataset = ultrasound(region((20, 299), (10, 389), (3, 3), (0.05, 0.05)))
    viewport = opened(node, page, dataset)
    draw(page, viewport, "l", (200, 200), (400, 200))
    panel = page.get_by_test_id("measured-text")
    expect(panel).to_have_count(1)
    expect(panel).to_have_text(re.compile("leaves the calibrated"))
    assert "leaves the calibrated" in drawn_text(viewport)
    expect(page.get_by_test_id("save-measurements")).to_be_disabled()
    expect(page.get_by_test_id("not-measurable")).to_be_visible()
    start, end = [200.0, 200.0], [400.0, 200.0]
    answer = node.api.post(
        f"/api/studies/{dataset.StudyInstanceUID}/measurements",
        json={"measurements": [{"shape": "LENGTH", "points": [start, end],
                                "sop_instance_uid": dataset.SOPInstanceUID}]},
    )  # fmt: skip
    assert answer.status_code == 400
    assert "leaves the calibrated ultrasound region" in answer.json()["detail"]


@pytest.mark.slow
def test_areas_axes_and_angles_of_an_ultrasound_are_those_of_the_saved_report(
    node: Node, page: Page
) -> None:
    dataset = ultrasound(region((0, 599), (0, 399), (3, 3), (0.05, 0.05)))
    viewport = opened(node, page, dataset)
    draw(page, viewport, "q", (60, 60), (140, 120))
    draw(page, viewport, "e", (250, 100), (300, 130))
    draw(page, viewport, "b", (60, 250), (160, 250))
    draw(page, viewport, "d", (400, 250), (440, 250))
    rows = page.get_by_test_id("measurement")
    expect(rows).to_have_count(4)
    page.wait_for_timeout(500)
    shown = {
        row.get_attribute("data-kind"): row.get_by_test_id("measured-text").inner_text()
        for row in rows.all()
    }
    beside = drawn_text(viewport)
    page.get_by_test_id("save-measurements").click()
    expect(page.get_by_test_id("save-measurements")).to_have_attribute("data-saved", "true")
    path = f"/api/studies/{dataset.StudyInstanceUID}/measurements"
    saved_shapes = {one["shape"]: one for one in node.get(path)["items"][-1]["measurements"]}
    found = {
        shape: {m["quantity"]: m for m in one["measured"]} for shape, one in saved_shapes.items()
    }
    # 80 by 60 pixels of 0.5 mm: 40 by 30 mm.
    assert found["RECTANGLE"]["area"]["value"] == pytest.approx(1200, rel=0.04)
    assert found["CIRCLE"]["radius"]["value"] == pytest.approx(20, rel=0.04)
    assert found["BIDIRECTIONAL"]["long_axis"]["value"] == pytest.approx(50, rel=0.04)
    for shape, kind, quantity in (
        ("RECTANGLE", "rectangle", "area"),
        ("ELLIPSE", "ellipse", "area"),
        ("CIRCLE", "circle", "area"),
        ("BIDIRECTIONAL", "bidirectional", "long_axis"),
        ("BIDIRECTIONAL", "bidirectional", "short_axis"),
        ("RECTANGLE", "rectangle", "perimeter"),
        ("CIRCLE", "circle", "radius"),
    ):
        one = found[shape][quantity]
        assert one["unit"] == ("mm2" if quantity == "area" else "mm")
        digits = 0 if one["value"] >= 100 else 1
        written = f"{one['value']:.{digits}f} {one['unit'].replace('2', '²')}"
        assert written in (shown[kind] or ""), (written, shown[kind])
        assert written in beside
    # The mean of the pixels that lie inside, which numpy finds in the image.
    (left, top), *_, (right, bottom) = sorted(saved_shapes["RECTANGLE"]["points"], key=sum)
    inside = dataset.pixel_array[round(top) : round(bottom), round(left) : round(right)]
    assert found["RECTANGLE"]["mean"]["value"] == pytest.approx(float(inside.mean()), abs=2)
    assert found["RECTANGLE"]["mean"]["unit"] == "1"
