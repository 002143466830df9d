"""A radiologist's session: from the list to a measurement that every viewer finds again."""

import math
import re
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect

from tests.e2e.support.browser import chromium, keep_screenshot
from tests.e2e.support.fixtures import FollowedStudy, delivered
from tests.e2e.support.masks import mask_at
from tests.e2e.support.node import Node
from tests.e2e.support.ohif import ohif_site
from tests.e2e.support.ohif_page import drawn_again, wait_until
from tests.e2e.support.pacs import Pacs
from tests.e2e.support.pointing import point_to, seen
from tests.e2e.support.studies import images_in_order

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(500)]


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium() as page:
        yield page


def first_viewport(page: Page) -> Locator:
    viewport = page.get_by_test_id("viewport").first
    expect(viewport).to_have_attribute("data-image-rendered", "true", timeout=60_000)
    return viewport


def open_by_keyboard(page: Page, node: Node, followed: FollowedStudy) -> Locator:
    """The list, and down its rows to the study's link."""
    page.goto(node.url)
    row = page.locator(
        f"[data-testid=study-row][data-study-instance-uid='{followed.study.study_instance_uid}']"
    )
    row.get_by_role("link").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile(r"/study/\?study="))
    viewport = first_viewport(page)
    expect(viewport).to_have_attribute("data-mask-loaded", "true", timeout=60_000)
    return viewport


@pytest.mark.slow
def test_the_mask_lies_where_highdicom_reads_it(
    followed: FollowedStudy, node: Node, pacs: Pacs, page: Page
) -> None:
    viewport = open_by_keyboard(page, node, followed)
    with_mask = seen(viewport)
    page.keyboard.press("o")
    tinted = np.abs(with_mask - seen(viewport, unlike=with_mask)).max(axis=2) > 10
    page.keyboard.press("o")
    number = int(viewport.get_attribute("data-slice-number") or 0)
    mask = mask_at(pacs, followed.study, followed.result("SEG")["sop_instance_uid"])[number - 1]
    height, width = tinted.shape
    agreeing = 0
    points = [(x, y) for x in np.linspace(0.3, 0.7, 6) for y in np.linspace(0.2, 0.8, 6)]
    for x, y in points:
        column, row = point_to(page, viewport, x, y)
        agreeing += tinted[round(y * height), round(x * width)] == mask[row, column]
    # A point on the very edge of the mask may fall on either side of it.
    assert agreeing >= len(points) - 2
    assert 0.1 < mask.mean() < 0.7


@pytest.mark.slow
def test_a_distance_is_true_and_found_again_here_and_elsewhere(
    followed: FollowedStudy, node: Node, pacs: Pacs, page: Page, ohif_port: int
) -> None:
    viewport = open_by_keyboard(page, node, followed)
    for _ in range(3):
        page.keyboard.press("ArrowUp")
    before = viewport.get_by_test_id("window-text").inner_text()
    point_to(page, viewport, 0.5, 0.5)
    page.mouse.down()
    point_to(page, viewport, 0.6, 0.4)
    page.mouse.up()
    expect(viewport.get_by_test_id("window-text")).not_to_have_text(before)
    page.keyboard.press("l")
    start = point_to(page, viewport, 0.42, 0.35)
    page.mouse.down()
    end = point_to(page, viewport, 0.58, 0.62)
    page.mouse.up()
    row = page.get_by_test_id("measurement")
    expect(row).to_have_count(1)
    told_mm = float(row.get_by_test_id("measured-text").inner_text().removesuffix(" mm"))
    row.get_by_role("textbox").fill("Falx")
    keep_screenshot(page, "measurement")
    number = int(viewport.get_attribute("data-slice-number") or 0)
    page.get_by_test_id("save-measurements").click()
    expect(page.get_by_test_id("save-measurements")).to_have_attribute("data-saved", "true")

    path = f"/api/studies/{followed.study.study_instance_uid}/measurements"
    kept = node.get(path)["items"][-1]
    (measurement,) = kept["measurements"]
    image = images_in_order(followed.study)[number - 1]
    assert measurement["sop_instance_uid"] == image.SOPInstanceUID
    assert measurement["label"] == "Falx"
    # The points are those that were pointed at, as far as whole screen pixels and indices tell;
    # and pydicom's spacing makes them the same length.
    for (column, line), pointed in zip(measurement["points"], (start, end), strict=True):
        assert (column, line) == (
            pytest.approx(pointed[0] + 0.5, abs=1.1),
            pytest.approx(pointed[1] + 0.5, abs=1.1),
        )
    row_mm, column_mm = (float(one) for one in image.PixelSpacing)
    assert row_mm != column_mm, "a matrix whose pixels are not square tells rows from columns"
    (x0, y0), (x1, y1) = measurement["points"]
    true_mm = math.hypot((x1 - x0) * column_mm, (y1 - y0) * row_mm)
    assert told_mm == pytest.approx(true_mm, abs=0.1)

    page.keyboard.press("Home")
    page.reload()
    viewport = first_viewport(page)
    row = page.get_by_test_id("measurement")
    expect(row).to_have_count(1)
    expect(row.get_by_role("textbox")).to_have_value("Falx")
    expect(row.get_by_test_id("measured-text")).to_have_text(f"{told_mm:.1f} mm")
    page.keyboard.press("Home")
    row.get_by_test_id("measured-text").click()
    expect(viewport).to_have_attribute("data-slice-number", str(number))

    page.get_by_test_id("mpr-toggle").click()
    for plane in ("axial", "sagittal", "coronal"):
        view = page.locator(f"[data-view={plane}]")
        expect(view).to_have_attribute("data-image-rendered", "true", timeout=60_000)
    delivered(node, followed.study)
    assert kept["sop_instance_uid"] in pacs.instances_of(followed.study.study_instance_uid)
    # Other tests count what the PACS holds of this study.
    pacs.forget({kept["sop_instance_uid"]})

    with ohif_site(ohif_port, f"{node.url}/dicom-web") as site:
        page.goto(f"{site}/viewer?StudyInstanceUIDs={followed.study.study_instance_uid}")
        page.get_by_text("Skip all").click()
        page.locator(
            "[data-cy=study-browser-thumbnail-no-image]", has_text="Measurements"
        ).dblclick()
        pane = page.locator("[data-cy=viewport-pane]").first
        drawn = pane.locator("svg text", has_text=re.compile(r"\d mm"))
        wait_until(lambda: drawn_again(pane, page) and drawn.count() > 0, page, 60)
        (elsewhere_mm,) = re.findall(r"([\d.]+) mm", drawn.first.text_content() or "")
        assert float(elsewhere_mm) == pytest.approx(true_mm, abs=0.1)
