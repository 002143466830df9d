"""A person judges a finding, stops a job and starts it again, and reads why none ran."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.e2e.support.browser import chromium
from tests.e2e.support.fixtures import JOB_LIMIT_S, FollowedStudy, follow, job_of, send
from tests.e2e.support.node import Node
from tests.e2e.support.studies import SentStudy, copy_with_new_uids

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def judged(node: Node, head: SentStudy, study_folder: Path) -> FollowedStudy:
    """A study of this module alone: what is said of its finding changes its report."""
    study = copy_with_new_uids(head.folder, study_folder / "judged")
    send(node, study)
    return follow(node, study)


@pytest.fixture
def page() -> Iterator[Page]:
    # A refusal is an answer that Chromium writes to its console.
    with chromium("status of 422") as page:
        yield page


@pytest.mark.slow
def test_a_correction_by_keyboard_is_found_again_after_a_reload(
    judged: FollowedStudy, node: Node, page: Page
) -> None:
    (finding,) = judged.job["findings"]
    page.goto(f"{node.url}/study/?study={judged.study.study_instance_uid}")
    stated = page.get_by_role("button", name=f"{finding['label']}: ")
    stated.focus()
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Correct…").press("Enter")
    expect(page.get_by_label("Correct value in cm³")).to_be_focused()
    page.keyboard.type("1788,2")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert").filter(has_text="Enter a reason")).to_be_visible()
    page.get_by_label("Reason", exact=True).fill("The mask holds part of the orbit.")
    page.get_by_role("button", name="Save correction").press("Enter")
    expect(page.get_by_test_id("feedback")).to_contain_text("Corrected to 1,788.2 cm³")
    page.reload()
    stated.press("Enter")
    found = page.get_by_test_id("feedback").first
    expect(found).to_contain_text("Corrected to 1,788.2 cm³")
    expect(found).to_contain_text("The mask holds part of the orbit.")
    expect(found).to_contain_text("local")
    (kept, *_) = node.get(f"/api/findings/{finding['finding_id']}")["feedback"]
    assert (kept["kind"], kept["value"]) == ("CORRECTED", 1788.2)
    # What the pipeline stated stays.
    expect(page.get_by_test_id("finding-value")).to_have_attribute(
        "data-value", str(finding["value"])
    )


@pytest.mark.slow
def test_a_finding_is_accepted_and_the_report_signed_by_keys(
    judged: FollowedStudy, node: Node, page: Page
) -> None:
    page.goto(f"{node.url}/study/?study={judged.study.study_instance_uid}")
    expect(page.get_by_test_id("finding").first).to_be_visible()
    detail = page.get_by_test_id("finding-detail")
    page.keyboard.press("Control+ArrowDown")
    expect(detail).to_be_focused()
    page.keyboard.press("Control+Enter")
    expect(detail.get_by_test_id("feedback").first).to_contain_text("Accepted")
    expect(detail).to_be_focused()
    page.keyboard.press("Control+Backspace")
    expect(detail.get_by_label("Reason", exact=True)).to_be_focused()
    page.keyboard.press("Escape")
    expect(detail).to_be_focused()
    # A button that is pressed and meanwhile cannot be has the focus again.
    accept = detail.get_by_role("button", name="Accept", exact=True)
    accept.press("Enter")
    expect(detail.get_by_test_id("feedback")).not_to_have_count(1)
    expect(accept).to_be_focused()
    page.keyboard.press("R")
    expect(page.locator("#panel-report")).to_be_focused()
    report = page.get_by_test_id("report-panel")
    expect(report).to_be_visible(timeout=60_000)
    # The longest words at the smallest width: nothing of the row is cut off.
    page.set_viewport_size({"width": 1280, "height": 800})
    page.get_by_test_id("language").select_option("de")
    box = report.get_by_role("button", name="Signieren").bounding_box()
    assert box is not None
    assert box["x"] + box["width"] <= 1280
    page.get_by_test_id("language").select_option("en")
    page.locator("#panel-report").focus()
    page.keyboard.press("Control+Shift+Enter")
    page.get_by_test_id("confirm-sign").press("Enter")
    expect(report).to_have_attribute("data-state", "final")
    page.wait_for_timeout(500)
    assert page.evaluate("document.activeElement.id") == "panel-report"


@pytest.mark.slow
def test_another_pipeline_refuses_in_its_own_words_and_its_conditions_are_told(
    followed: FollowedStudy, node: Node, page: Page
) -> None:
    page.goto(f"{node.url}/study/?study={followed.study.study_instance_uid}")
    page.get_by_text("Run a pipeline").click()
    page.get_by_role("combobox", name="Pipeline").select_option("lung-density")
    page.get_by_role("button", name="Run", exact=True).click()
    expect(page.get_by_test_id("problem")).to_contain_text("only CT is taken")
    page.get_by_test_id("not-run").locator("summary").first.click()
    page.get_by_label("Conditions of Lung density").click()
    expect(page.get_by_test_id("conditions").first).to_contain_text("only CT is taken")


@pytest.mark.slow
def test_a_job_is_stopped_and_tried_again(
    node: Node, head: SentStudy, study_folder: Path, page: Page
) -> None:
    study = copy_with_new_uids(head.folder, study_folder / "stopped")
    send(node, study)
    # The page waits for the job, which may end while a page is still opening.
    page.goto(f"{node.url}/study/?study={study.study_instance_uid}")
    job_id = job_of(node, study)["job_id"]
    job = page.locator(f"[data-testid=job][data-job-id='{job_id}']")
    job.get_by_role("button", name="Cancel").click()
    state = job.get_by_test_id("job-state")
    expect(state).to_have_attribute("data-state", "cancelled")
    expect(job).to_contain_text("Cancelled by local.")
    job.get_by_role("button", name="Try again").click()
    expect(state).to_have_attribute("data-state", "completed", timeout=JOB_LIMIT_S * 1000)
