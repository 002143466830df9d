"""A person names the levels of a spine and measures angles on it; a report keeps both."""

from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests import builders
from tests.e2e.support.browser import chromium
from tests.e2e.support.node import Node
from tests.e2e.support.opening import opened, store

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

# A sagittal image: its columns run from front to back, its rows downwards.
SAGITTAL = np.array([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium() as page:
        yield page


@pytest.mark.slow
def test_levels_are_clicked_one_after_the_other_and_lines_have_angles_to_180_degrees(
    node: Node, page: Page
) -> None:
    spine = builders.series(
        np.full((3, 64, 64), 300, np.int16), directions=SAGITTAL, seed=931, PatientID="READS-SPINE"
    )
    study = store(node, spine)
    opened(page, node, study)
    box = page.get_by_test_id("viewport").first.bounding_box()
    assert box is not None

    def at(x: float, y: float) -> tuple[float, float]:
        return box["x"] + x * box["width"], box["y"] + y * box["height"]

    page.keyboard.press("V")
    page.get_by_test_id("spine-next").select_option("T11")
    for step in range(4):
        page.mouse.click(*at(0.5, 0.3 + 0.12 * step))
        # Two clicks on one place within a moment are a double click.
        page.wait_for_timeout(500)
    rows = page.get_by_test_id("measurement")
    expect(rows).to_have_count(4)
    labels = rows.locator("select").evaluate_all("all => all.map(({value}) => value)")
    assert sorted(labels) == ["L1", "L2", "T11", "T12"]
    expect(page.get_by_test_id("spine-next")).to_have_value("L3")
    texts = page.locator("[data-testid=viewport] svg text")
    expect(texts.filter(has_text="T12")).to_have_count(1)
    # Upwards from the level that the reader chooses.
    page.get_by_test_id("spine-direction").click()
    page.get_by_test_id("spine-next").select_option("T10")
    page.mouse.click(*at(0.5, 0.2))
    expect(page.get_by_test_id("spine-next")).to_have_value("T9")

    # From left to right, then from the lower right to the upper left.
    page.keyboard.press("B")
    for begin, end in (((0.3, 0.85), (0.5, 0.85)), ((0.65, 0.8), (0.45, 0.8))):
        page.mouse.move(*at(*begin))
        page.mouse.down()
        page.mouse.move(*at(*end), steps=6)
        page.mouse.up()
    expect(rows).to_have_count(6)
    expect(rows.filter(has=page.get_by_text("180°"))).to_have_count(1)

    page.get_by_test_id("save-measurements").click()
    expect(page.get_by_test_id("save-measurements")).to_have_attribute("data-saved", "true")
    (report,) = node.get(f"/api/studies/{study}/measurements")["items"]
    kept = [(one["shape"], one["label"]) for one in report["measurements"]]
    assert sorted(kept) == [
        ("LINES_ANGLE", ""),
        *(("VERTEBRA", level) for level in ("L1", "L2", "T10", "T11", "T12")),
    ]
    # Found again where it was, by the next person who opens the study.
    page.reload()
    expect(rows).to_have_count(6)
    expect(texts.filter(has_text="T12")).to_have_count(1)
