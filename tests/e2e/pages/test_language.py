"""Critical findings, questions and search by meaning, as they meet the person who reads."""

import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, expect
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.uid import EncapsulatedPDFStorage, ExplicitVRLittleEndian, generate_uid
from reportlab.pdfgen import canvas

from tests.e2e.support.accessibility import serious_findings
from tests.e2e.support.browser import chromium, keep_screenshot
from tests.e2e.support.fixtures import FollowedStudy, follow, send
from tests.e2e.support.node import Node
from tests.e2e.support.studies import SentStudy, copy_with_new_uids

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

LIMIT_MS = 60_000
LETTER = (
    "The patient takes 5 mg of bisoprolol each morning.",
    "The next appointment is on 3 March 2026.",
)
RULE = """
critical:
  - name: brain-of-this-test
    pipeline: brain-volume
    finding: Intracranial volume
    above: 1
    text: Intracranial volume beyond the limit
"""


@pytest.fixture(scope="module")
def critical(node: Node, head: SentStudy, study_folder: Path) -> FollowedStudy:
    """A study of its own with a letter, read while the site calls every brain volume critical."""
    rules = Path(node.environment["MEDIVIEW_DATA_DIR"]) / "rules.yaml"
    before = rules.read_text() if rules.exists() else None

    def a_year_later(instance: FileDataset) -> None:
        instance.StudyDate = f"{int(instance.StudyDate[:4]) + 1}{instance.StudyDate[4:]}"

    study = copy_with_new_uids(head.folder, study_folder / "critical", a_year_later)
    letter_of(study, study.folder / "letter.dcm")
    rules.write_text(RULE)
    try:
        send(node, study)
        followed = follow(node, study)
        node.wait_for(lambda: node.get(followed.study_path)["open_alerts"], "the alert", 60)
        node.wait_for(lambda: node.get(followed.study_path)["reports"], "the draft", 60)
    finally:
        if before is None:
            rules.unlink()
        else:
            rules.write_text(before)
    return followed


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium() as page:
        yield page


def letter_of(study: SentStudy, path: Path) -> None:
    """A letter about the patient as an encapsulated PDF of the study."""
    image = pydicom.dcmread(next(study.folder.iterdir()), stop_before_pixels=True)
    buffer = io.BytesIO()
    pdf = canvas.Canvas(buffer, pagesize=(400, 600))
    for line, text in enumerate(LETTER):
        pdf.drawString(50, 500 - 50 * line, text)
    pdf.save()
    letter = Dataset()
    letter.file_meta = FileMetaDataset()
    letter.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    letter.SOPClassUID, letter.SOPInstanceUID = EncapsulatedPDFStorage, generate_uid()
    for keyword in ("StudyInstanceUID", "PatientID", "PatientName", "StudyDate"):
        setattr(letter, keyword, image.get(keyword, ""))
    letter.SeriesInstanceUID, letter.SeriesNumber, letter.Modality = generate_uid(), 50, "DOC"
    letter.DocumentTitle = "Letter of the ward"
    letter.MIMETypeOfEncapsulatedDocument = "application/pdf"
    content = buffer.getvalue()
    letter.EncapsulatedDocument = content + b"\0" * (len(content) % 2)
    letter.EncapsulatedDocumentLength = len(content)
    letter.save_as(path, enforce_file_format=True)


def open_study(page: Page, node: Node, followed: FollowedStudy) -> None:
    page.goto(f"{node.url}/study/?study={followed.study.study_instance_uid}")
    expect(page.locator("[data-mask-loaded=true]").first).to_be_visible(timeout=90_000)


@pytest.fixture
def others() -> Iterator[Page]:
    """The page of another person."""
    with chromium() as page:
        yield page


@pytest.mark.slow
def test_a_critical_finding_is_acknowledged_by_one_and_gone_for_all(
    critical: FollowedStudy, node: Node, page: Page, others: Page
) -> None:
    for one in (others, page):
        one.goto(f"{node.url}/study/?study={critical.study.study_instance_uid}")
        strip = one.get_by_test_id("alerts")
        expect(strip).to_contain_text("Intracranial volume beyond the limit", timeout=LIMIT_MS)
    page.bring_to_front()
    assert serious_findings(page) == []
    keep_screenshot(page, "critical")
    strip = page.get_by_role("region", name="Critical findings")
    strip.get_by_label("Who was informed").fill("Dr. Lee on the ward, by telephone.")
    strip.get_by_role("button", name="Acknowledge").press("Enter")
    expect(page.get_by_test_id("alerts")).to_have_count(0, timeout=LIMIT_MS)
    expect(others.get_by_test_id("alerts")).to_have_count(0, timeout=LIMIT_MS)
    uid = critical.study.study_instance_uid
    (alert,) = node.get(f"/api/alerts?study_instance_uid={uid}")["items"]
    assert (alert["state"], alert["acknowledged_by"]) == ("acknowledged", "local")
    assert alert["note"] == "Dr. Lee on the ward, by telephone."


@pytest.mark.slow
def test_an_answer_leads_to_the_finding_in_the_image(
    critical: FollowedStudy, node: Node, page: Page
) -> None:
    open_study(page, node, critical)
    (finding,) = critical.job["findings"]
    viewport = page.get_by_test_id("viewport").first
    shown = viewport.get_attribute("data-slice-number")
    page.keyboard.press("Home")
    expect(viewport).not_to_have_attribute("data-slice-number", str(shown), timeout=LIMIT_MS)
    page.get_by_role("tab", name="Report").click()
    ask = page.get_by_test_id("ask")
    question = ask.get_by_role("textbox", name="Question")
    question.fill("What is the intracranial volume?")
    question.press("Enter")
    answer = ask.get_by_test_id("answer")
    expect(answer).to_contain_text(f"{finding['value']:,.1f}", timeout=LIMIT_MS)
    expect(answer).to_contain_text("Based on the findings.")
    assert serious_findings(page) == []
    answer.get_by_role("button", name="Show").first.press("Enter")
    expect(viewport).to_have_attribute("data-slice-number", str(shown), timeout=LIMIT_MS)


@pytest.mark.slow
def test_a_letter_answers_with_its_words_in_a_box_on_the_page(
    critical: FollowedStudy, node: Node, page: Page
) -> None:
    page.goto(f"{node.url}/study/?study={critical.study.study_instance_uid}")
    page.get_by_role("tab", name="Report").click()
    ask = page.get_by_test_id("ask")
    question = ask.get_by_role("textbox", name="Question")
    about = ask.get_by_label("Source")
    # The node's own reports are documents of the study too.
    about.locator("option", has_text="Letter of the ward").wait_for(state="attached")
    about.select_option(label="Document: Letter of the ward")
    question.fill("When is the next appointment?")
    ask.get_by_role("button", name="Ask").press("Enter")
    expect(ask.get_by_test_id("answer")).to_contain_text("3 March 2026", timeout=LIMIT_MS)
    ask.get_by_role("button", name="Enlarge page 1").press("Enter")
    large = page.get_by_test_id("page-large")
    picture = large.get_by_test_id("page")
    expect(picture).to_be_visible()
    picture.evaluate("image => image.decode()")
    assert serious_findings(page) == []
    keep_screenshot(page, "document")
    left, top, right, bottom = boxed(large)
    # The second line of the letter, counted from the top.
    assert left == pytest.approx(50 / 400, abs=0.02)
    assert top == pytest.approx(140 / 600, abs=0.02)
    content = node.api.get(str(picture.get_attribute("src"))).content
    with Image.open(io.BytesIO(content)) as shown:
        width, height = shown.size
        edges = (left * width, top * height, right * width, bottom * height)
        ink = np.asarray(shown.convert("L").crop(tuple(round(edge) for edge in edges))) < 128
    assert ink.mean() > 0.05, "the words stand in the box"


def boxed(large: Locator) -> tuple[float, float, float, float]:
    """Left, top, right and bottom of the box as parts of the page's picture."""
    page_at = large.get_by_test_id("page").bounding_box()
    box_at = large.get_by_test_id("passage-box").bounding_box()
    assert page_at is not None
    assert box_at is not None
    left = (box_at["x"] - page_at["x"]) / page_at["width"]
    top = (box_at["y"] - page_at["y"]) / page_at["height"]
    right = left + box_at["width"] / page_at["width"]
    return left, top, right, top + box_at["height"] / page_at["height"]


@pytest.mark.slow
def test_reports_are_found_by_meaning_and_beside_a_draft(
    critical: FollowedStudy, followed: FollowedStudy, node: Node, page: Page
) -> None:
    node.wait_for(
        lambda: node.get("/api/search?q=brain&kind=report")["waiting"] == 0,
        "what is written to be searchable",
        60,
    )
    page.goto(node.url)
    expect(page.get_by_test_id("study-row").first).to_be_visible(timeout=LIMIT_MS)
    page.keyboard.press("s")
    page.get_by_label("What are you looking for?").fill("size of the intracranial space")
    page.keyboard.press("Enter")
    hits = page.get_by_test_id("hit")
    expect(hits.first).to_contain_text("Intracranial volume", timeout=LIMIT_MS)
    reports = page.get_by_role("button", name="Reports", exact=True)
    reports.click()
    expect(reports).to_have_attribute("aria-pressed", "true")
    expect(hits.first).to_contain_text("Intracranial volume", timeout=LIMIT_MS)
    expect(page).to_have_url(f"{node.url}/search/?q=size+of+the+intracranial+space&kind=report")
    assert serious_findings(page) == []
    keep_screenshot(page, "search")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    page.wait_for_url("**/study/?study=*")
    page.goto(f"{node.url}/study/?study={critical.study.study_instance_uid}")
    page.get_by_role("tab", name="Report").click()
    similar = page.get_by_test_id("similar")
    similar.locator("summary").click()
    expect(similar.get_by_test_id("similar-report").first).to_contain_text(
        "similar", timeout=LIMIT_MS
    )
    expect(similar.get_by_text("same patient").first).to_be_visible()


@pytest.mark.slow
def test_earlier_reports_are_told_in_short(
    critical: FollowedStudy, followed: FollowedStudy, node: Node, page: Page
) -> None:
    # Of the same patient, a year before the one that is opened.
    node.wait_for(lambda: node.get(followed.study_path)["reports"], "the other report", 60)
    open_study(page, node, critical)
    page.get_by_role("tab", name="Report").click()
    earlier = page.get_by_test_id("earlier")
    earlier.locator("summary").click()
    answer = earlier.get_by_test_id("answer")
    expect(answer).to_contain_text("Intracranial volume", timeout=LIMIT_MS)
    expect(answer).to_contain_text("No model is configured (HF_SUMM_MODEL)")
    expect(answer).to_contain_text("AI, research use only, unverified.")
    assert serious_findings(page) == []


def test_a_text_of_ones_own_loses_its_names_and_is_told_in_short(node: Node, page: Page) -> None:
    page.goto(f"{node.url}/search/")
    page.get_by_role("link", name="Texts").click()
    text = page.get_by_role("textbox", name="Text")
    text.fill(
        "Patient: Jane Doe, born 12.03.1961. The left lung is clear. No effusion is seen.\n"
        "Phone: 030 1234567. The heart is of normal size."
    )
    page.get_by_role("button", name="Remove names and identifiers").click()
    left = page.get_by_test_id("without-names")
    expect(left).to_contain_text("[NAME]", timeout=LIMIT_MS)
    expect(left).to_contain_text("The left lung is clear.")
    for gone in ("Jane Doe", "1961", "1234567"):
        expect(left).not_to_contain_text(gone)
    assert serious_findings(page) == []
    keep_screenshot(page, "texts")
    page.get_by_label("keep dates").check()
    page.get_by_role("button", name="Summarise").click()
    expect(page.get_by_test_id("answer")).to_contain_text(
        "The left lung is clear.", timeout=LIMIT_MS
    )
    page.keyboard.press("Escape")
