"""A person measures in the three planes without a mouse, in the patient's millimetres."""

import math
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect
from pydicom.uid import generate_uid

from tests import builders
from tests.e2e.reader.modalities.test_planes import opened, plane
from tests.e2e.support.accessibility import serious_findings
from tests.e2e.support.browser import chromium
from tests.e2e.support.node import Node

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

_ROW_MM, _COLUMN_MM = 1.0, 0.8
"""From row to row, and from column to column."""


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium() as page:
        yield page


def keys(page: Page, *names: str) -> None:
    for name in names:
        page.keyboard.press(name)


def place(viewport: Locator) -> tuple[float, float]:
    """The cursor's column and row on what it lies on."""
    cursor = viewport.get_by_test_id("key-cursor")
    expect(cursor).to_be_visible()
    column, row = (float(cursor.get_attribute(f"data-{one}") or "") for one in ("column", "row"))
    return column, row


def apart_mm(start: tuple[float, float], end: tuple[float, float]) -> float:
    return math.hypot((end[0] - start[0]) * _COLUMN_MM, (end[1] - start[1]) * _ROW_MM)


def test_three_planes_are_measured_without_a_mouse(node: Node, page: Page, tmp_path: Path) -> None:
    sent = builders.series(
        np.random.default_rng(8).integers(0, 900, (9, 60, 80), dtype=np.int16),
        modality="CT",
        spacing_mm=(2.0, _ROW_MM, _COLUMN_MM),
        seed=978,
        PatientID="MEASURES-PLANES",
        StudyInstanceUID=generate_uid(),
    )
    opened(node, page, sent, tmp_path / "planes")
    keys(page, "m")
    axial, sagittal = plane(page, "axial"), plane(page, "sagittal")
    expect(axial).to_have_attribute("data-loaded", "all")
    note = page.get_by_test_id("key-note")

    # On the axial plane, which shows an image, it is a measurement of that image.
    axial.focus()
    keys(page, "l", "Enter")
    expect(axial.get_by_test_id("key-note")).to_contain_text("Length, point 1 of 2.")
    start = place(axial)
    assert start == pytest.approx((40, 30), abs=2)
    keys(page, "Enter", *["Shift+ArrowRight"] * 2, *["ArrowUp"] * 7)
    end = place(axial)
    assert end[0] > start[0]
    assert end[1] < start[1]
    assert not serious_findings(page)
    keys(page, "Enter")
    lengths = page.locator("[data-kind=length]").get_by_test_id("measured-text")
    expect(lengths).to_have_text(f"{apart_mm(start, end):.1f} mm")
    # Points are those of one image: on the next the cursor stays, and they do not.
    keys(page, "Enter")
    expect(note).to_contain_text("point 2 of 2")
    number = int(axial.get_attribute("data-slice-number") or "")
    keys(page, "PageUp")
    expect(axial).not_to_have_attribute("data-slice-number", str(number))
    expect(note).to_contain_text("point 1 of 2")
    assert place(axial) == pytest.approx(end, abs=0.01)
    keys(page, "Escape")
    expect(note).to_have_count(0)

    # Across the images, a plane is measured where it lies, as with the mouse.
    sagittal.focus()
    keys(page, "Enter")
    expect(sagittal.get_by_test_id("key-note")).to_contain_text("Length, point 1 of 2.")
    start = place(sagittal)
    keys(page, "Enter", "Shift+ArrowLeft", *["ArrowDown"] * 5)
    end = place(sagittal)
    # Counted in the finest of what the images have, alike across and down.
    length = math.dist(start, end) * _COLUMN_MM
    assert length > 5
    keys(page, "Enter")
    label = sagittal.locator("svg text")
    expect(label).to_contain_text("across the images: not saved")
    shown = re.search(r"([\d.]+) mm", label.text_content() or "")
    assert shown is not None
    assert float(shown[1]) == pytest.approx(length, abs=0.06)
    expect(lengths).to_have_count(1)
    # With the focus on another plane the arrows are that plane's again.
    axial.focus()
    keys(page, "ArrowDown")
    expect(note).to_have_count(0)
    # Zoom is that of the plane that has the keys.
    sagittal.focus()
    keys(page, "z", "Enter")
    before, others = (one.get_by_test_id("zoom-text").inner_text() for one in (sagittal, axial))
    keys(page, "Shift+ArrowUp", "Shift+ArrowUp")
    expect(sagittal.get_by_test_id("zoom-text")).not_to_have_text(before)
    expect(axial.get_by_test_id("zoom-text")).to_have_text(others)
    keys(page, "Escape")

    page.get_by_test_id("save-measurements").click()
    expect(page.get_by_test_id("save-measurements")).to_have_attribute("data-saved", "true")
    path = f"/api/studies/{sent[0].StudyInstanceUID}/measurements"
    (saved,) = node.get(path)["items"][-1]["measurements"]
    assert saved["sop_instance_uid"] in {one.SOPInstanceUID for one in sent}
    # Found again in the planes, which the address keeps, and in the stack.
    page.reload()
    expect(axial).to_have_attribute("data-loaded", "all")
    expect(lengths).to_have_count(1)
    page.locator("[data-kind=length]").get_by_test_id("measured-text").click()
    expect(axial.locator("svg text")).to_contain_text(f"{saved['measured'][0]['value']:.1f} mm")
    keys(page, "m")
    stack = page.locator("[data-testid=viewport][data-view=cell-1]")
    expect(stack.locator("svg text")).to_contain_text(f"{saved['measured'][0]['value']:.1f} mm")
