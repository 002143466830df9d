"""A radiologist reads the draft by its evidence, rejects a finding, edits and signs the report."""

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect
from pydicom.dataset import FileDataset

from inference.language.documents.reading import count_pdf_pages
from tests.e2e.support.accessibility import serious_findings
from tests.e2e.support.browser import chromium, keep_screenshot
from tests.e2e.support.fixtures import FollowedStudy, follow, send
from tests.e2e.support.node import Node
from tests.e2e.support.studies import SentStudy, copy_with_new_uids
from tests.e2e.support.waiting import wait_until
from tests.services import tool

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def reported(node: Node, head: SentStudy, study_folder: Path) -> FollowedStudy:
    """A study of its own: what is signed here changes nothing for other tests."""

    def years_later(instance: FileDataset) -> None:
        instance.StudyDate = "20170717"

    study = copy_with_new_uids(head.folder, study_folder / "reported", years_later)
    send(node, study)
    followed = follow(node, study)
    node.wait_for(lambda: report_of(node, followed), "the node to draft the report", 60)
    return followed


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium() as page:
        yield page


def report_of(node: Node, followed: FollowedStudy) -> dict[str, Any] | None:
    path = f"/api/reports?study_instance_uid={followed.study.study_instance_uid}"
    found: list[dict[str, Any]] = node.get(path)["items"]
    return found[0] if found else None


def put_a_length_into_the_report(page: Page) -> None:
    measure(page)
    page.get_by_test_id("to-report").first.click()


@pytest.mark.slow
def test_signing_names_what_is_open(
    node: Node, head: SentStudy, study_folder: Path, page: Page
) -> None:
    study = copy_with_new_uids(head.folder, study_folder / "signed-too-soon")
    send(node, study)
    followed = follow(node, study)
    node.wait_for(lambda: report_of(node, followed), "the node to draft the report", 60)
    (finding,) = followed.job["findings"]
    page.goto(f"{node.url}/study/?study={study.study_instance_uid}")
    page.get_by_role("tab", name="Report").click()
    panel = page.get_by_test_id("report-panel")
    sign = panel.get_by_role("button", name="Sign", exact=True)
    sign.click()
    dialog = page.get_by_test_id("sign-dialog")
    expect(dialog.get_by_test_id("open-unreviewed")).to_contain_text(finding["label"])
    expect(dialog.get_by_test_id("confirm-sign")).to_have_text("Sign anyway")
    assert serious_findings(page) == []
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    # Escape left the dialog, not the study.
    panel.get_by_role("button", name="Edit").click()
    area = panel.get_by_role("textbox", name="Findings")
    area.press("ControlOrMeta+End")
    area.press_sequentially("\nNo midline shift.")
    area.press("Control+Enter")
    expect(panel.get_by_test_id("report")).to_contain_text("No midline shift.")
    path = f"/api/findings/{finding['finding_id']}/feedback"
    answer = node.api.post(path, json={"kind": "REJECTED", "reason": "The mask holds an eye."})
    assert answer.is_success, answer.text
    expect(panel.get_by_test_id("attention")).to_be_visible(timeout=60_000)
    sign.click()
    # The person's text still states what was rejected.
    expect(dialog.get_by_test_id("open-rejected")).to_contain_text(finding["label"])
    expect(dialog.get_by_test_id("open-attention")).to_be_visible()
    dialog.get_by_role("button", name="Cancel").click()
    expect(panel).to_have_attribute("data-state", "draft")


@pytest.mark.slow
def test_sentences_are_accepted_reworded_removed_taken_back_and_printed(
    node: Node, head: SentStudy, study_folder: Path, page: Page
) -> None:
    study = copy_with_new_uids(head.folder, study_folder / "by-sentences")
    send(node, study)
    followed = follow(node, study)
    node.wait_for(lambda: report_of(node, followed), "the node to draft the report", 60)
    (finding,) = followed.job["findings"]
    # A page that is being printed stays until it is on paper.
    page.add_init_script(
        "window.print = () => { window.asked = true; return new Promise(() => {}); }"
    )
    page.goto(f"{node.url}/study/?study={study.study_instance_uid}")
    page.get_by_role("tab", name="Report").click()
    panel = page.get_by_test_id("report-panel")
    rows = panel.get_by_test_id("sentence-row")
    states_it = rows.filter(
        has=page.locator("[data-basis=findings]"),
        has_text="brain and cerebrospinal fluid",
    )
    evidence = states_it.first.get_by_test_id("row-evidence").first
    expect(evidence).to_contain_text("cm³")
    text = states_it.first.get_by_test_id("sentence").inner_text()
    # The impression says it again.
    mine = (
        panel.get_by_role("table", name="Findings")
        .get_by_test_id("sentence-row")
        .filter(has_text=text)
    )
    mine.get_by_test_id("accept-sentence").click()
    expect(mine.get_by_test_id("accept-sentence")).to_have_count(0)
    expect(mine.get_by_test_id("row-evidence").first).to_contain_text("✓")
    feedback = node.get(f"/api/findings/{finding['finding_id']}")["feedback"]
    assert [one["kind"] for one in feedback] == ["ACCEPTED"]
    keep_screenshot(page, "report")

    mine.get_by_test_id("remove-sentence").click()
    expect(mine).to_have_count(0)
    panel.get_by_test_id("undo-sentence").click()
    # What came back is what it was, with what it rests on.
    expect(mine.get_by_test_id("sentence")).to_have_attribute("data-basis", "findings")
    expect(mine.get_by_test_id("row-evidence").first).to_contain_text("✓")

    other = rows.filter(has_not=page.get_by_test_id("row-evidence")).first
    before = other.get_by_test_id("sentence").inner_text()
    other.get_by_test_id("reword-sentence").click()
    field = panel.get_by_role("textbox", name="Sentence")
    expect(field).to_have_value(before)
    field.press("Escape")
    expect(field).to_have_count(0)
    other.get_by_test_id("reword-sentence").press("Enter")
    field.fill("MR of the head without contrast medium.")
    field.press("Enter")
    reworded = rows.filter(has_text="without contrast medium")
    expect(reworded.get_by_test_id("sentence")).to_have_attribute("data-basis", "person")
    reworded.get_by_test_id("sentence").focus()
    page.keyboard.press("Control+z")
    expect(reworded).to_have_count(0)
    expect(rows.filter(has_text=before).first).to_be_visible()
    assert serious_findings(page) == []

    panel.get_by_role("button", name="PDF preview").click()
    expect(page.get_by_test_id("pdf-page").first).to_be_visible()
    pages = page.get_by_test_id("pdf-page").count()
    page.get_by_test_id("print-report").click()
    expect(page.locator("#printed-report img")).to_have_count(pages)
    wait_until(page, "window.asked === true")
    printed = page.pdf(prefer_css_page_size=True)
    assert count_pdf_pages(printed) == pages
    # Pictures of the pages alone: no word of the screen is on the paper.
    assert "Findings" not in pdf_text(printed)


@pytest.mark.slow
def test_findings_and_measurements_are_put_where_they_belong(
    node: Node, head: SentStudy, study_folder: Path, page: Page
) -> None:
    study = copy_with_new_uids(head.folder, study_folder / "put-in")
    send(node, study)
    followed = follow(node, study)
    node.wait_for(lambda: report_of(node, followed), "the node to draft the report", 60)
    (finding,) = followed.job["findings"]
    page.goto(f"{node.url}/study/?study={study.study_instance_uid}")
    expect(page.get_by_test_id("viewport").first).to_have_attribute("data-image-rendered", "true")
    panel = page.get_by_test_id("report-panel")
    rows = panel.get_by_test_id("sentence-row")
    drag_into_the_report(page, page.get_by_test_id("finding").first, rows.first)
    put = rows.nth(1)
    expect(put).to_contain_text(f"{finding['label']}: ")
    expect(put.get_by_test_id("sentence")).to_have_attribute("data-basis", "findings")

    measure(page)
    page.keyboard.press("Shift+R")
    findings = panel.get_by_role("group", name="Add to Findings")
    findings.get_by_test_id("add-measurement").locator("summary").click()
    findings.get_by_role("button", name="Length: ").click()
    expect(rows.filter(has_text=re.compile(r"Length: \d+\.\d mm \(series"))).to_have_count(1)
    findings.get_by_role("button", name="Add sentence").click()
    panel.get_by_role("textbox", name="Sentence").fill("No midline shift.")
    page.keyboard.press("Enter")
    expect(rows.filter(has_text="No midline shift.")).to_have_count(1)
    kept = report_of(node, followed)
    assert kept is not None
    texts = [one["text"] for section in kept["sections"] for one in section["sentences"]]
    assert "No midline shift." in texts


def pdf_text(data: bytes) -> str:
    command = [tool("pdftotext", "poppler-utils"), "-", "-"]
    return subprocess.run(command, input=data, capture_output=True, check=True).stdout.decode()


def measure(page: Page) -> None:
    page.keyboard.press("Shift+F")
    box = page.get_by_test_id("viewport").first.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.5
    page.keyboard.press("l")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + 90, y + 30, steps=6)
    page.mouse.up()
    expect(page.get_by_test_id("measured-text").first).to_contain_text("mm")


def drag_into_the_report(page: Page, what: Locator, row: Locator) -> None:
    """To the lower half of a row; the tab of the report opens on the way."""
    what.hover()
    page.mouse.down()
    tab = page.get_by_role("tab", name="Report").bounding_box()
    assert tab is not None
    for step in range(8):
        page.mouse.move(tab["x"] + 20 + step, tab["y"] + tab["height"] / 2)
        page.wait_for_timeout(120)
    expect(row).to_be_visible()
    box = row.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 30, box["y"] + box["height"] - 8)
    page.mouse.move(box["x"] + 32, box["y"] + box["height"] - 6)
    page.mouse.up()


def version_of(node: Node, followed: FollowedStudy) -> int:
    report = report_of(node, followed)
    return int(report["version"]) if report else 0


def test_a_finding_is_rejected_and_the_report_edited_signed_and_found_again(
    reported: FollowedStudy, followed: FollowedStudy, node: Node, page: Page
) -> None:
    (finding,) = reported.job["findings"]
    page.goto(f"{node.url}/study/?study={reported.study.study_instance_uid}")
    page.get_by_role("button", name=f"{finding['label']}: ").press("Enter")
    # Other tests give the patient more studies, of the earlier day and a year later, and correct
    # their values.
    values = page.get_by_test_id("trend-value")
    expect(values.first).to_contain_text("2017-07-17")
    expect(values.filter(has_text="2013-07-17").first).to_be_visible()
    expect(page.get_by_test_id("change")).to_contain_text(re.compile("Since 201[34]-07-17"))
    expect(page.locator("[data-mask-loaded=true]").first).to_be_visible(timeout=90_000)
    keep_screenshot(page, "findings")
    page.get_by_role(
        "button", name=f"Model card: Intracranial volume {finding['pipeline_version']}"
    ).click()
    expect(page.get_by_test_id("model-card")).to_contain_text("MIT")
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("model-card")).to_have_count(0)

    page.keyboard.press("Shift+R")
    panel = page.get_by_test_id("report-panel")
    # Others rest on the earlier study's finding as well, or alone.
    sentence = panel.get_by_test_id("sentence").filter(has_text="(brain and cerebrospinal fluid)")
    sentence.first.focus()
    evidence = page.get_by_test_id("evidence-finding").first
    expect(evidence).to_contain_text(finding["label"])
    expect(page.locator("[data-mask-loaded=true]").first).to_be_visible(timeout=90_000)
    keep_screenshot(page, "report")
    assert serious_findings(page) == []

    page.keyboard.press("Shift+F")
    page.get_by_role("button", name="Reject…").press("Enter")
    page.get_by_label("Reason", exact=True).fill("The mask holds both eyes.")
    page.get_by_role("button", name="Reject finding").press("Enter")
    expect(page.get_by_test_id("feedback")).to_contain_text("Rejected")

    # The node drafts again, without what was rejected.
    node.wait_for(lambda: version_of(node, reported) > 1, "the node to draft the report again", 60)
    page.keyboard.press("Shift+R")
    expect(panel).to_contain_text("Version 2")
    put_a_length_into_the_report(page)
    area = panel.get_by_role("textbox", name="Findings")
    expect(area).to_have_value(
        re.compile(r"\nLength: \d+\.\d mm \(series \d+, image \d+\)\.$"), timeout=60_000
    )
    area.press("ControlOrMeta+End")
    area.press_sequentially("\nThe ventricles are not widened.")
    area.press("Control+Enter")
    expect(panel.get_by_test_id("report")).to_contain_text("The ventricles are not widened.")
    sign = panel.get_by_role("button", name="Sign", exact=True)
    place = sign.bounding_box()
    sign.click()
    dialog = page.get_by_test_id("sign-dialog")
    expect(dialog).to_contain_text("No open points.")
    keep_screenshot(page, "sign")
    dialog.get_by_role("button", name="Cancel").click()
    expect(dialog).to_have_count(0)
    expect(panel).to_have_attribute("data-state", "draft")
    panel.get_by_role("button", name="Mark preliminary").click()
    expect(panel).to_have_attribute("data-state", "preliminary")
    # What else can be done has changed; the button stands where it stood.
    assert sign.bounding_box() == place
    sign.click()
    dialog.get_by_test_id("confirm-sign").click()
    expect(panel).to_have_attribute("data-state", "final")

    page.reload()
    page.get_by_role("tab", name="Report").click()
    expect(panel).to_have_attribute("data-state", "final")
    expect(panel).to_contain_text("Signed by local")
    expect(panel.get_by_test_id("report")).to_contain_text("The ventricles are not widened.")
    panel.get_by_test_id("versions").locator("summary").click()
    panel.get_by_role("radio").last.check()
    added = panel.get_by_test_id("diff").locator("ins")
    expect(added.filter(has_text="The ventricles are not widened.")).to_be_visible()
    page.keyboard.press("Shift+F")
    page.get_by_role("button", name=f"{finding['label']}: ").press("Enter")
    expect(page.get_by_test_id("feedback").first).to_contain_text("The mask holds both eyes.")
    kept = report_of(node, reported)
    assert kept is not None
    assert (kept["state"], kept["signed_by"]) == ("final", "local")
