"""Numbers of what is drawn: spread, ratio, table; one place in all viewports."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
from playwright.sync_api import Page, expect
from pydicom.pixels import apply_modality_lut

from tests.e2e.support.accessibility import serious_findings
from tests.e2e.support.browser import chromium
from tests.e2e.support.fixtures import FollowedStudy, follow, send
from tests.e2e.support.node import Node
from tests.e2e.support.studies import SentStudy, copy_with_new_uids, files

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium() as page:
        yield page


@pytest.fixture(scope="module")
def own(node: Node, head: SentStudy, study_folder: Path) -> FollowedStudy:
    """A study of its own: what is drawn on it changes nothing for other tests."""
    study = copy_with_new_uids(head.folder, study_folder / "tools")
    send(node, study)
    return follow(node, study)


def opened(page: Page, node: Node, study: SentStudy, more: str = "") -> None:
    page.goto(f"{node.url}/study/?study={study.study_instance_uid}{more}")
    expect(page.get_by_test_id("viewport").first).to_have_attribute("data-image-rendered", "true")


def drag(page: Page, key: str, begin: tuple[float, float], end: tuple[float, float]) -> None:
    """Press a tool's key, and draw between two shares of the first viewport."""
    box = page.get_by_test_id("viewport").first.bounding_box()
    assert box is not None
    page.keyboard.press(key)
    (x0, y0), (x1, y1) = (
        (box["x"] + x * box["width"], box["y"] + y * box["height"]) for x, y in (begin, end)
    )
    page.mouse.move(x0, y0)
    page.mouse.down()
    page.mouse.move(x1, y1, steps=8)
    page.mouse.up()


def test_a_region_tells_how_its_values_are_spread(
    own: FollowedStudy, node: Node, page: Page
) -> None:
    opened(page, node, own.study)
    drag(page, "q", (0.45, 0.45), (0.55, 0.58))
    row = page.get_by_test_id("measurement").first
    row.get_by_test_id("spread").click()
    histogram = page.get_by_test_id("region-histogram")
    expect(histogram).to_be_visible()
    shown = {
        one.get_attribute("data-what"): one.inner_text().replace(",", "")
        for one in histogram.get_by_test_id("spread-value").all()
    }
    # The same pixels by pydicom: the rectangle's corners as the node keeps them once it is saved.
    page.get_by_test_id("save-measurements").click()
    expect(page.get_by_test_id("save-measurements")).to_have_attribute("data-saved", "true")
    path = f"/api/studies/{own.study.study_instance_uid}/measurements"
    (drawn,) = node.get(path)["items"][-1]["measurements"]
    (stored,) = (
        one for path in files(own.study.folder)
        if (one := pydicom.dcmread(path)).SOPInstanceUID == drawn["sop_instance_uid"]
    )  # fmt: skip
    values = apply_modality_lut(stored.pixel_array, stored)
    columns, rows = zip(*drawn["points"], strict=True)
    row_centres, column_centres = np.mgrid[: stored.Rows, : stored.Columns] + 0.5
    inside = values[
        (column_centres > min(columns)) & (column_centres < max(columns))
        & (row_centres > min(rows)) & (row_centres < max(rows))
    ]  # fmt: skip
    assert int(shown["pixels"]) == inside.size
    assert float(shown["mean"]) == pytest.approx(inside.mean(), rel=0.01)
    assert float(shown["median"]) == pytest.approx(np.median(inside), rel=0.01)
    assert float(shown["SD"]) == pytest.approx(inside.std(), rel=0.01)
    assert serious_findings(page) == []


def test_measurements_go_to_the_clipboard_and_two_sizes_make_a_ratio(
    own: FollowedStudy, node: Node, page: Page
) -> None:
    page.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=node.url)
    opened(page, node, own.study)
    drag(page, "l", (0.45, 0.35), (0.55, 0.35))
    drag(page, "l", (0.35, 0.65), (0.65, 0.65))
    ratio = page.get_by_test_id("ratio")
    ratio.locator("summary").click()
    expect(ratio.get_by_test_id("ratio-value")).to_have_text("0.33")
    page.get_by_test_id("measurements-copy").click()
    expect(page.get_by_test_id("measurements-copy")).to_have_text("Copied")
    table = page.evaluate("navigator.clipboard.readText()").split("\n")
    assert table[0].split("\t")[:4] == ["Series", "Image", "Frame", "Kind"]
    lengths = [float(line.split("\t")[6]) for line in table if "\tLength\t" in line]
    assert lengths[0] / lengths[1] == pytest.approx(1 / 3, rel=0.02)
    ratio.get_by_test_id("ratio-to-report").click()
    field = page.get_by_test_id("report-panel").get_by_role("textbox", name="Findings")
    expect(field).to_have_value(re.compile(r"Ratio 0\.33: Length: "), timeout=60_000)


def test_a_place_is_shown_in_the_other_viewports(
    own: FollowedStudy, node: Node, page: Page
) -> None:
    opened(page, node, own.study)
    page.get_by_test_id("grid-choice").select_option("1 2")
    views = page.get_by_test_id("viewport")
    source = page.get_by_test_id("series-button").first
    series = source.get_attribute("data-series")
    source.drag_to(views.nth(1))
    expect(views.nth(1)).to_have_attribute("data-series", series or "")
    expect(views.nth(1)).to_have_attribute("data-image-rendered", "true")
    # Apart from each other: what is pointed at brings the other back.
    if page.get_by_test_id("link-toggle").get_attribute("aria-pressed") == "true":
        page.keyboard.press("y")
    views.nth(1).focus()
    for _ in range(5):
        page.keyboard.press("ArrowDown")
    expect(views.nth(1)).not_to_have_attribute(
        "data-slice-number", views.nth(0).get_attribute("data-slice-number") or ""
    )
    number = views.nth(0).get_attribute("data-slice-number") or ""
    box = views.nth(0).bounding_box()
    assert box is not None
    # Not from the other viewport with Shift held: that one would lead.
    page.mouse.move(box["x"] + box["width"] * 0.3, box["y"] + box["height"] * 0.5)
    page.keyboard.down("Shift")
    page.mouse.move(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.5, steps=4)
    mark = views.nth(1).get_by_test_id("shared-cursor")
    expect(mark).to_be_attached()
    expect(views.nth(1)).to_have_attribute("data-slice-number", number)
    # The same side of the middle and as high; how far from it goes by the zoom of either.
    other = views.nth(1).bounding_box()
    assert other is not None
    x, y = (float(mark.get_attribute(f"data-{one}") or 0) for one in ("x", "y"))
    assert 0.3 < x / other["width"] < 0.5
    assert y / other["height"] == pytest.approx(0.5, abs=0.03)
    page.keyboard.up("Shift")
    page.mouse.move(box["x"] + box["width"] * 0.45, box["y"] + box["height"] * 0.5, steps=2)
    expect(mark).to_have_count(0)


def test_a_window_of_ones_own_is_kept_and_chosen_again(
    own: FollowedStudy, node: Node, page: Page
) -> None:
    opened(page, node, own.study)
    drag(page, "w", (0.5, 0.5), (0.6, 0.55))
    shown = page.get_by_test_id("window-text").first.inner_text()
    page.get_by_test_id("presets").select_option("own")
    dialog = page.get_by_test_id("own-windows")
    dialog.get_by_role("textbox").fill("Mine")
    with page.expect_response("**/api/v1/me/preferences") as kept:
        page.keyboard.press("Enter")
    assert kept.value.ok
    (window,) = json.loads(kept.value.text())["windows"]
    assert (window["name"], window["modality"]) == ("Mine", "MR")
    assert serious_findings(page) == []
    page.keyboard.press("Escape")
    page.keyboard.press("r")
    expect(page.get_by_test_id("window-text").first).not_to_have_text(shown)
    page.reload()
    expect(page.get_by_test_id("viewport").first).to_have_attribute("data-image-rendered", "true")
    page.get_by_test_id("presets").select_option(label="5 Mine")
    expect(page.get_by_test_id("window-text").first).to_have_text(shown)
    page.get_by_test_id("presets").select_option("own")
    dialog.get_by_role("button", name="Remove preset Mine").click()
    expect(dialog.get_by_role("listitem")).to_have_count(0)
