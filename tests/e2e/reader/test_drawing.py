"""What a person draws: where a drawing begins, and that none is without extent."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.reader.test_calibration import draw, opened, region, ultrasound
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
