"""A person looks at the values of a place over time and over b-values."""

import csv
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Locator, Page, expect
from pydicom.dataset import Dataset
from pydicom.uid import generate_uid

from tests import builders
from tests.e2e.support.browser import chromium
from tests.e2e.support.node import Node
from tests.e2e.support.opening import opened, store

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(300)]

_TIMES_S = np.array([0.0, 1.5, 4.25, 10.0, 31.5])


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium() as page:
        yield page


def perfusion() -> NDArray[np.int16]:
    """Contrast agent that comes and goes, shape (times, slices, rows, columns)."""
    noise = np.random.default_rng(11).integers(0, 200, (1, 4, 32, 32))
    _, k, j, i = np.indices((1, 4, 32, 32))
    height = 20 * i + 7 * j + 100 * k
    wash = (_TIMES_S * np.exp(-_TIMES_S / 6.0))[:, None, None, None]
    return np.asarray(np.round(noise + height * wash), np.int16)


def over_time() -> list[Dataset]:
    """Five times that Temporal Position Identifier counts, the first of them before midnight."""
    instances = []
    for time, volume in enumerate(perfusion()):
        clock = 23 * 3600 + 59 * 60 + 58.75 + _TIMES_S[time]
        day, second = divmod(clock, 24 * 3600)
        minutes = f"{int(second // 3600):02d}{int(second % 3600 // 60):02d}{second % 60:09.6f}"
        instances += builders.series(
            volume,
            spacing_mm=(5.0, 2.0, 2.0),
            seed=960,
            PatientID="READS-CURVE",
            TemporalPositionIdentifier=time + 1,
            AcquisitionDate="20240228" if day == 0 else "20240229",
            AcquisitionTime=minutes,
        )
    for number, instance in enumerate(instances, start=1):
        instance.InstanceNumber = number
        instance.SOPInstanceUID = instance.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    return instances


def click(page: Page, viewport: Locator, x: float, y: float, *, more: bool = False) -> None:
    """On a share of the image, which is square."""
    box = viewport.bounding_box()
    assert box is not None
    size = min(box["width"], box["height"])
    if more:
        page.keyboard.down("Shift")
    page.mouse.click(
        box["x"] + box["width"] / 2 + (x - 0.5) * size,
        box["y"] + box["height"] / 2 + (y - 0.5) * size,
    )
    if more:
        page.keyboard.up("Shift")


def values(point: Locator) -> tuple[list[float], list[float]]:
    rows = point.get_by_test_id("axis-curve-value")
    return tuple(  # type: ignore[return-value]
        [float(rows.nth(at).get_attribute(name) or "nan") for at in range(rows.count())]
        for name in ("data-at", "data-value")
    )


def test_a_click_gives_the_values_of_its_pixel_over_the_times_of_the_headers(
    node: Node, page: Page, tmp_path: Path
) -> None:
    opened(page, node, store(node, over_time()))
    viewport = page.get_by_test_id("viewport").first
    expect(viewport.get_by_test_id("slice-text")).to_have_text("3 / 4 · 1 / 5")
    page.get_by_test_id("pick-curve").click()
    click(page, viewport, 20.5 / 32, 9.5 / 32)
    point = page.get_by_test_id("axis-curve-point")
    expect(point).to_have_count(1)
    expect(point).to_have_attribute("data-column", "20")
    expect(point).to_have_attribute("data-row", "9")
    stored = perfusion()
    times, found = values(point)
    assert times == pytest.approx(_TIMES_S)
    assert found == pytest.approx(stored[:, 2, 9, 20])
    # Another place of the series beside it, and the cross of the first is not on its images.
    expect(viewport.get_by_test_id("curve-point")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    expect(viewport.get_by_test_id("slice-text")).to_have_text("4 / 4 · 1 / 5")
    expect(viewport.get_by_test_id("curve-point")).to_have_count(0)
    click(page, viewport, 5.5 / 32, 27.5 / 32, more=True)
    expect(point).to_have_count(2)
    assert values(point.nth(1))[1] == pytest.approx(stored[:, 3, 27, 5])
    expect(page.get_by_test_id("axis-curve")).to_have_count(2)
    mark = viewport.get_by_test_id("curve-point")
    box = viewport.bounding_box()
    assert box is not None
    size = min(box["width"], box["height"])
    x, y = (float(mark.get_attribute(name) or "nan") for name in ("data-x", "data-y"))
    assert x == pytest.approx(box["width"] / 2 + (5.5 / 32 - 0.5) * size, abs=1)
    assert y == pytest.approx(box["height"] / 2 + (27.5 / 32 - 0.5) * size, abs=1)
    with page.expect_download() as download:
        page.get_by_test_id("curve-csv").click()
    path = tmp_path / "curve.csv"
    download.value.save_as(path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["Value"]) for row in rows] == [
        *stored[:, 2, 9, 20].tolist(),
        *stored[:, 3, 27, 5].tolist(),
    ]
    assert {(row["Unit of the axis"], row["Stated by"]) for row in rows} == {
        ("s", "AcquisitionTime")
    }
    page.get_by_test_id("pick-curve").click()
    click(page, viewport, 0.5, 0.5)
    page.wait_for_timeout(500)
    expect(point).to_have_count(2)


def test_over_b_values_it_is_drawn_at_them_and_by_key_at_the_middle(node: Node, page: Page) -> None:
    b_values = [0.0, 50.0, 800.0]
    signal = [np.full((3, 15, 15), round(1000 * np.exp(-b * 0.001)), np.int16) for b in b_values]
    instances = []
    # The scanner took the highest first.
    for b, volume in reversed(list(zip(b_values, signal, strict=True))):
        instances += builders.series(volume, seed=961, PatientID="READS-CURVE", DiffusionBValue=b)
    for number, instance in enumerate(instances, start=1):
        instance.InstanceNumber = number
        instance.SOPInstanceUID = instance.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    opened(page, node, store(node, instances))
    button = page.get_by_test_id("curve-in-middle")
    button.focus()
    page.keyboard.press("Enter")
    point = page.get_by_test_id("axis-curve-point")
    expect(point).to_have_count(1)
    assert values(point) == (b_values, [1000.0, 951.0, 449.0])
    expect(page.get_by_test_id("axis-curve-plot")).to_contain_text("b-value (s/mm²)")
