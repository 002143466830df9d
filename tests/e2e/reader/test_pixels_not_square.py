"""On pixels that are not square, the numbers of a drawing are those of what is drawn."""

import math
import re
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect
from pydicom.dataset import Dataset

from tests.e2e.reader.test_calibration import COLUMNS, ROWS, draw, opened, region, ultrasound
from tests.e2e.support.browser import chromium
from tests.e2e.support.node import Node

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with chromium() as page:
        yield page


def outlines(viewport: Locator) -> list[tuple[float, float]]:
    """Half the width and half the height on the screen of each circle, from left to right."""
    found = viewport.locator("svg ellipse").evaluate_all(
        "all => all.map(one => ['cx', 'rx', 'ry'].map(name => Number(one.getAttribute(name))))"
    )
    return [(rx, ry) for _, rx, ry in sorted(found)]


def areas(page: Page) -> list[float]:
    texts = page.get_by_test_id("measured-text").all_inner_texts()
    return [
        float(match[1].replace(",", ""))
        for text in texts
        if (match := re.search(r"area ([\d.,]+) mm²", text))
    ]


def mean_within(dataset: Dataset, center: tuple[float, float]) -> float:
    """Of 30 mm around a place, on pixels of 0.5 by 0.4 mm."""
    rows, columns = np.mgrid[:ROWS, :COLUMNS] + 0.5
    inside = np.hypot((columns - center[0]) * 0.5, (rows - center[1]) * 0.4) <= 30
    return float(dataset.pixel_array[inside].mean())


def test_a_circle_is_one_in_mm_whichever_way_it_was_dragged(node: Node, page: Page) -> None:
    dataset = ultrasound(region((0, 599), (0, 399), (3, 3), (0.05, 0.04)))
    viewport = opened(node, page, dataset)
    # 60 columns of 0.5 mm and 75 rows of 0.4 mm are 30 mm.
    draw(page, viewport, "d", (150, 200), (210, 200))
    draw(page, viewport, "d", (400, 200), (400, 275))
    # In pixels, its short axis would stand at 77° to the long one.
    draw(page, viewport, "b", (250, 60), (330, 140))
    expect(page.get_by_test_id("measurement")).to_have_count(3)
    page.wait_for_timeout(500)
    assert areas(page) == pytest.approx([math.pi * 900] * 2, rel=0.03)
    before = outlines(viewport)
    for (across, down), (wide, _) in zip(before, reversed(before), strict=True):
        assert down / across == pytest.approx(0.5 / 0.4, rel=0.01)
        assert across == pytest.approx(wide, rel=0.03)
    shown = page.get_by_test_id("measured-text").all_inner_texts()
    page.get_by_test_id("save-measurements").click()
    expect(page.get_by_test_id("save-measurements")).to_have_attribute("data-saved", "true")
    path = f"/api/studies/{dataset.StudyInstanceUID}/measurements"
    saved = node.get(path)["items"][-1]["measurements"]
    circles = [one for one in saved if one["shape"] == "CIRCLE"]
    assert len(circles) == 2
    for one in circles:
        measured = {m["quantity"]: m["value"] for m in one["measured"]}
        assert measured["mean"] == pytest.approx(mean_within(dataset, one["points"][0]), abs=2)
    page.reload()
    expect(page.get_by_test_id("measured-text")).to_have_count(3)
    expect(viewport).to_have_attribute("data-image-rendered", "true", timeout=60_000)
    expect(viewport.locator("svg ellipse")).to_have_count(2)
    assert sorted(page.get_by_test_id("measured-text").all_inner_texts()) == sorted(shown)
    after = outlines(viewport)
    assert [side for one in after for side in one] == pytest.approx(
        [side for one in before for side in one], rel=0.01
    )
