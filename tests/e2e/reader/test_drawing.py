"""What a person draws: where a drawing begins, and that none is without extent."""

import math
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.reader.test_calibration import draw, opened, region, ultrasound
from tests.e2e.support.accessibility import serious_findings
from tests.e2e.support.browser import chromium
from tests.e2e.support.node import Node

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with chromium() as page:
        yield page


def test_a_tool_just_chosen_draws_and_no_drawing_is_left_without_extent(
    node: Node, page: Page
) -> None:
    dataset = ultrasound(region((0, 599), (0, 399), (3, 3), (0.05, 0.05)))
    viewport = opened(node, page, dataset)
    shown = page.get_by_test_id("measured-text")
    draw(page, viewport, "l", (100, 200), (200, 200))
    expect(shown).to_have_count(1)
    length = shown.inner_text()
    # From the end of the line, which stays where it is.
    draw(page, viewport, "q", (200, 200), (300, 300))
    rows = page.get_by_test_id("measurement")
    expect(rows).to_have_count(2)
    expect(page.locator("[data-kind=rectangle]")).to_contain_text("area")
    expect(page.locator("[data-kind=length]").get_by_test_id("measured-text")).to_have_text(length)
    # An end that is put onto the other goes back to where it was.
    page.wait_for_timeout(700)
    draw(page, viewport, "w", (100, 200), (200, 200))
    page.wait_for_timeout(700)
    expect(rows).to_have_count(2)
    expect(page.locator("[data-kind=length]").get_by_test_id("measured-text")).to_have_text(length)
    expect(viewport.locator("svg line").first).to_be_attached()
    # A click in place draws nothing.
    draw(page, viewport, "l", (400, 100), (400, 100))
    draw(page, viewport, "l", (400, 100), (400, 100))
    page.wait_for_timeout(700)
    expect(rows).to_have_count(2)


def test_everything_is_measured_and_windowed_without_a_mouse(node: Node, page: Page) -> None:
    dataset = ultrasound(region((0, 599), (0, 399), (3, 3), (0.05, 0.05)))
    viewport = opened(node, page, dataset)
    cursor = page.get_by_test_id("key-cursor")

    def keys(*names: str) -> None:
        for name in names:
            page.keyboard.press(name)

    def place() -> tuple[float, float]:
        expect(cursor).to_be_visible()
        column, row = (
            float(cursor.get_attribute(f"data-{one}") or "") for one in ("column", "row")
        )
        return column, row

    keys("l", "Enter")
    note = page.get_by_test_id("key-note")
    expect(note).to_contain_text("Length, point 1 of 2.")
    start = place()
    assert start == pytest.approx((300, 200), abs=1)
    keys("Enter", *["Shift+ArrowRight"] * 8, *["ArrowUp"] * 3)
    expect(note).to_contain_text("point 2 of 2")
    end = place()
    assert end[0] > start[0]
    assert end[1] < start[1]
    assert not serious_findings(page)
    keys("Enter")
    lengths = page.locator("[data-kind=length]").get_by_test_id("measured-text")
    expect(lengths).to_have_count(1)
    expect(lengths).to_have_text(f"{math.dist(start, end) * 0.5:.1f} mm")
    # Another tool goes on where the cursor is.
    keys("q", "Enter", *["Shift+ArrowDown"] * 4, *["Shift+ArrowLeft"] * 5, "Enter")
    corner = place()
    area = abs(corner[0] - end[0]) * abs(corner[1] - end[1]) * 0.25
    rectangles = page.locator("[data-kind=rectangle]").get_by_test_id("measured-text")
    expect(rectangles).to_contain_text(f"area {area:.0f} mm²")
    expect(rectangles).to_contain_text("mean")
    # A point that was set can be taken back, and the cursor left.
    keys("Enter", "Backspace", "Escape")
    expect(cursor).to_have_count(0)
    window = viewport.get_by_test_id("window-text")
    before = window.inner_text()
    keys("w", "Enter", "Shift+ArrowRight", "ArrowUp")
    expect(note).to_contain_text("width")
    expect(window).not_to_have_text(before)
    keys("Escape")
    expect(note).to_have_count(0)
    expect(page.get_by_test_id("measurement")).to_have_count(2)
    assert "/study/" in page.url


def test_a_circle_whose_line_was_dragged_is_saved_as_it_is_drawn(node: Node, page: Page) -> None:
    dataset = ultrasound(region((0, 599), (0, 399), (3, 3), (0.05, 0.05)))
    viewport = opened(node, page, dataset)
    draw(page, viewport, "d", (300, 200), (330, 200))
    shown = page.get_by_test_id("measured-text")
    expect(shown).to_contain_text(re.compile(r"radius 1[45]\.\d mm"))
    page.wait_for_timeout(300)
    draw(page, viewport, "w", (330, 200), (300, 240))
    expect(shown).to_contain_text(re.compile(r"radius (19|20)\.\d mm"))
    page.get_by_test_id("save-measurements").click()
    expect(page.get_by_test_id("save-measurements")).to_have_attribute("data-saved", "true")
    path = f"/api/studies/{dataset.StudyInstanceUID}/measurements"
    (saved,) = node.get(path)["items"][-1]["measurements"]
    assert saved["shape"] == "CIRCLE"
    assert saved["points"][1] == pytest.approx([300, 240], abs=1)
