"""A person opens the viewer: the list, the images, the mask over them, the number, the reasons."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, Route, expect

from tests.e2e.support.browser import chromium, keep_screenshot
from tests.e2e.support.fixtures import JOB_LIMIT_S, FollowedStudy, send
from tests.e2e.support.node import Node
from tests.e2e.support.pointing import seen
from tests.e2e.support.studies import SentStudy, copy_with_new_uids, images_in_order, localizer
from tests.patience import PATIENCE_S

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium() as page:
        yield page


def row_of(page: Page, study: SentStudy) -> Locator:
    return page.locator(
        f"[data-testid=study-row][data-study-instance-uid='{study.study_instance_uid}']"
    )


def open_study(page: Page, node: Node, study: SentStudy) -> None:
    page.goto(node.url)
    row_of(page, study).get_by_role("link").click()
    page.wait_for_url(re.compile(r"/study/\?study="))


def test_the_mask_lies_over_the_images_and_the_volume_beside_them(
    untouched_followed: FollowedStudy, node: Node, page: Page
) -> None:
    open_study(page, node, untouched_followed.study)
    viewport = page.locator("[data-testid=viewport]").first
    expect(viewport).to_have_attribute("data-image-rendered", "true", timeout=60_000)
    expect(viewport).to_have_attribute("data-mask-loaded", "true", timeout=60_000)
    (finding,) = untouched_followed.job["findings"]
    shown = page.get_by_test_id("finding-value")
    expect(shown).to_have_attribute("data-value", str(finding["value"]))
    number = re.sub(r"[^\d.]", "", shown.inner_text().replace("cm³", ""))
    assert float(number) == pytest.approx(finding["value"], abs=0.06)
    with_mask = seen(viewport)
    keep_screenshot(page, "viewer")
    page.get_by_test_id("segment-toggle").first.click()
    without_mask = seen(viewport, unlike=with_mask)
    # Where the mask was, its colour is gone, and what is left is grey.
    covered = np.abs(with_mask - without_mask).max(axis=2) > 10
    assert covered.mean() > 0.03
    grey = without_mask[covered]
    assert np.median(grey.max(axis=1) - grey.min(axis=1)) < 5
    colour = with_mask[covered]
    assert np.median(colour.max(axis=1) - colour.min(axis=1)) > 15


@pytest.mark.slow
def test_the_number_over_the_image_is_that_of_the_image_and_not_of_the_one_to_come(
    followed: FollowedStudy, node: Node, page: Page
) -> None:
    open_study(page, node, followed.study)
    viewport = page.locator("[data-testid=viewport]").first
    expect(viewport).to_have_attribute("data-mask-loaded", "true", timeout=60_000)
    middle_of_mask = str(viewport.get_attribute("data-slice-number"))
    image = images_in_order(followed.study)[int(middle_of_mask) - 1].SOPInstanceUID
    held: list[Route] = []
    is_open = False

    def hold_the_one_to_come(route: Route) -> None:
        if is_open or image not in route.request.url:
            route.continue_()
        else:
            held.append(route)

    page.route("**/frames/1", hold_the_one_to_come)
    # Not a reload: the address may name by now an image to open at.
    page.goto(f"{node.url}/study/?study={followed.study.study_instance_uid}")
    expect(viewport).to_have_attribute("data-image-rendered", "true", timeout=60_000)
    first = viewport.get_attribute("data-slice-number")
    assert first != middle_of_mask
    expect(page.get_by_test_id("segment-toggle").first).to_be_visible(timeout=60_000)
    page.wait_for_timeout(1_000)
    assert held, "the slice in the middle of the mask was asked for"
    assert viewport.get_attribute("data-slice-number") == first
    assert viewport.get_attribute("data-mask-loaded") == "false"
    is_open = True
    for route in held:
        route.continue_()
    expect(viewport).to_have_attribute("data-slice-number", middle_of_mask, timeout=60_000)
    expect(viewport).to_have_attribute("data-mask-loaded", "true", timeout=60_000)


@pytest.mark.slow
def test_the_list_shows_where_each_study_stands_without_a_reload(
    node: Node, head: SentStudy, study_folder: Path, page: Page
) -> None:
    study = copy_with_new_uids(head.folder, study_folder / "watched")
    page.goto(node.url)
    expect(page.get_by_test_id("stream-state")).to_be_visible()
    send(node, study)
    row = row_of(page, study)
    expect(row).to_be_visible()
    expect(row.get_by_test_id("row-progress")).to_be_visible()
    expect(row).to_have_attribute("data-state", "delivered", timeout=JOB_LIMIT_S * 1000)
    expect(row).to_contain_text("1 finding")


def test_a_person_reads_why_a_study_has_no_result(
    node: Node, head: SentStudy, study_folder: Path, page: Page
) -> None:
    study = localizer(head.folder, study_folder / "localizer-seen")
    send(node, study)
    path = f"/api/studies/{study.study_instance_uid}"
    node.wait_for(
        lambda: node.get(path)["state"] == "refused", "the study to be refused", PATIENCE_S
    )
    (reason,) = [
        decision["reason"]
        for decision in node.get(path)["decisions"]
        if decision["pipeline"] == "brain-volume"
    ]
    open_study(page, node, study)
    page.get_by_test_id("not-run").get_by_text("Not run:").click()
    # Another pipeline that takes the same series refuses it for the same cause.
    refused = page.get_by_role("listitem").filter(has_text="Intracranial volume")
    expect(refused.get_by_test_id("decision-reason").filter(has_text=reason)).to_be_visible()


def test_a_script_that_got_into_a_page_does_not_run(node: Node) -> None:
    # Chromium writes what it refuses to its console.
    with chromium(expected="Content Security Policy") as page:
        page.goto(node.url)
        expect(page.get_by_role("heading").first).to_be_visible()
        ran = page.evaluate(
            """() => {
                const script = document.createElement("script");
                script.textContent = "window.stranger = true";
                document.body.append(script);
                const image = document.createElement("div");
                image.innerHTML = "<img src=data:image/png,x onerror='window.stranger = true'>";
                document.body.append(image);
                return new Promise((done) => setTimeout(() => done(window.stranger === true), 500));
            }"""
        )
        assert ran is False
