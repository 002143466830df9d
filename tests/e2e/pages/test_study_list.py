"""A person narrows the worklist, keeps the view, looks at priors and reads it in German."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from storage.core.clock import utcnow
from storage.core.entities import Decision
from tests import builders
from tests.api.access.closed import PASSWORD
from tests.api.client import part10
from tests.e2e.support.accessibility import serious_findings
from tests.e2e.support.browser import chromium, keep_screenshot
from tests.e2e.support.fixtures import FollowedStudy, send
from tests.e2e.support.guarded import guarded_node, sign_in
from tests.e2e.support.node import Node
from tests.e2e.support.studies import SentStudy, localizer
from tests.e2e.support.waiting import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium() as page:
        yield page


def row(page: Page, study: SentStudy) -> Locator:
    return page.locator(f"[data-study-instance-uid='{study.study_instance_uid}']")


def test_a_narrowed_list_is_kept_as_a_view_and_found_again(
    followed: FollowedStudy, node: Node, page: Page
) -> None:
    page.goto(node.url)
    mine = row(page, followed.study)
    expect(mine.get_by_test_id("row-pipeline").first).to_have_attribute("data-state", "completed")
    page.keyboard.press("f")
    page.keyboard.press("Enter")
    page.get_by_role("checkbox", name="CT").check()
    expect(mine).to_have_count(0)
    page.get_by_role("checkbox", name="CT").uncheck()
    page.get_by_role("checkbox", name="MR").check()
    page.keyboard.press("Escape")
    expect(mine).to_be_visible()
    page.get_by_role("button", name="Study date").click()
    assert "modality=MR" in page.url
    assert "sort=study_date" in page.url
    page.get_by_test_id("views").locator("summary").click()
    page.get_by_label("View name").fill("Heads")
    with page.expect_response("**/api/v1/me/preferences") as kept:
        page.keyboard.press("Enter")
    assert kept.value.ok
    expect(page.get_by_test_id("view")).to_have_text("Heads")
    keep_screenshot(page, "worklist")
    page.goto(node.url)
    page.get_by_test_id("views").locator("summary").click()
    page.get_by_test_id("view").click()
    expect(page.get_by_role("columnheader", name="Study date")).to_have_attribute(
        "aria-sort", "descending"
    )
    assert "modality=MR" in page.url
    page.get_by_role("button", name="Remove view Heads").click()
    expect(page.get_by_test_id("view")).to_have_count(0)


_OFF_THE_MIDDLE = """row => {
  const range = document.createRange();
  range.selectNodeContents(row.querySelector("summary"));
  const [text, line] = [range.getBoundingClientRect(), row.getBoundingClientRect()];
  return (text.top + text.bottom) / 2 - (line.top + line.bottom) / 2;
}"""


def test_why_no_pipeline_ran_stands_in_line_with_the_row(
    tmp_path: Path, guarded_page: Page
) -> None:
    page = guarded_page
    with guarded_node(tmp_path) as closed:
        first, *others = builders.t1_head((4, 32, 32))
        for dataset in (first, *others):
            closed.storage.ingest.accept(part10(dataset), "stow")
        study, series = str(first.StudyInstanceUID), str(first.SeriesInstanceUID)
        closed.storage.acceptance_decisions.record(
            Decision(study, series, "brain-volume", "1", "f", False, "Few.", "", utcnow())
        )
        closed.storage.accounts.add("ada", PASSWORD, ["radiologist"])
        sign_in(page, closed, "ada", "/")
        mine = page.locator(f"[data-study-instance-uid='{study}']")
        expect(mine.locator("summary")).to_be_visible()
        assert mine.evaluate("row => row.getBoundingClientRect().height") <= 33
        assert abs(mine.evaluate(_OFF_THE_MIDDLE)) <= 1.5


def test_the_other_studies_of_a_patient_open_below_by_keyboard(
    followed: FollowedStudy, node: Node, study_folder: Path, page: Page
) -> None:
    other = localizer(followed.study.folder, study_folder / "prior")
    send(node, other)
    page.goto(node.url)
    mine = row(page, followed.study)
    mine.locator("[data-study-link]").focus()
    page.keyboard.press("ArrowRight")
    prior = page.get_by_test_id("prior").locator(f"a[href*='{other.study_instance_uid}']")
    expect(prior).to_be_visible()
    page.keyboard.press("ArrowLeft")
    expect(prior).to_have_count(0)


@pytest.mark.slow
def test_small_pictures_come_for_who_rests_on_a_study_and_move_nothing(
    followed: FollowedStudy, node: Node, page: Page
) -> None:
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url) if "/thumbnail" in one.url else None)
    page.goto(node.url)
    mine = row(page, followed.study)
    place = mine.bounding_box()
    mine.hover()
    preview = page.get_by_test_id("study-preview")
    expect(preview.locator("img").first).to_be_visible()
    sizes = preview.locator("img").evaluate_all("all => all.map(one => one.naturalWidth)")
    assert 1 <= len(sizes) <= 4
    assert min(sizes) > 0
    assert mine.bounding_box() == place
    first = len(asked)
    page.keyboard.press("Escape")
    expect(preview).to_have_count(0)
    page.mouse.move(2, 2)
    # For who goes through the list by keys, and without asking again.
    page.keyboard.press("ArrowDown")
    mine.locator("[data-study-link]").focus()
    expect(preview).to_be_visible()
    assert len([one for one in asked if followed.study.study_instance_uid in one]) == first
    assert serious_findings(page) == []


def test_it_speaks_german_here_and_on_the_next_page(
    followed: FollowedStudy, node: Node, page: Page
) -> None:
    page.goto(node.url)
    page.get_by_test_id("language").select_option("de")
    expect(page.get_by_role("columnheader", name="Studiendatum")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("lang", "de")
    expect(row(page, followed.study).get_by_test_id("study-state")).to_have_text("Zugestellt")
    wait_until(
        page, "fetch('/api/me/preferences').then(a => a.json()).then(p => p.language === 'de')"
    )
    page.evaluate("localStorage.clear()")
    page.reload()
    # The node remembers what this browser has forgotten.
    expect(page.get_by_role("columnheader", name="Studiendatum")).to_be_visible()
    assert serious_findings(page) == []
    page.get_by_test_id("language").select_option("en")
    expect(page.get_by_role("columnheader", name="Study date")).to_be_visible()
    wait_until(
        page, "fetch('/api/me/preferences').then(a => a.json()).then(p => p.language === 'en')"
    )


def test_a_study_opens_with_the_code_that_the_list_has_fetched(
    followed: FollowedStudy, node: Node, page: Page
) -> None:
    scripts: list[str] = []
    page.on(
        "request",
        lambda request: scripts.append(request.url) if request.resource_type == "script" else None,
    )
    page.goto(node.url)
    wait_until(page, "performance.getEntriesByName('reader-warm').length > 0")
    # The page around the reader comes by another way, which a busy machine puts off.
    wait_until(
        page,
        "performance.getEntriesByType('resource').some(one => one.name.includes('/study/page-'))",
    )
    assert any(re.search(r"/chunks/reader\.[^/]*\.js", url) for url in scripts)
    page.wait_for_load_state("networkidle")
    scripts.clear()
    row(page, followed.study).locator("a[href^='/study/']").first.click()
    expect(page.get_by_test_id("viewport").first).to_have_attribute("data-image-rendered", "true")
    assert scripts == []
