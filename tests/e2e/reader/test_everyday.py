"""A radiologist at work: menus, undo, results that open, and images that do not come."""

import io
from collections.abc import Iterator
from pathlib import Path

import highdicom as hd
import numpy as np
import pydicom
import pytest
from playwright.sync_api import Locator, Page, Route, expect
from pydicom.dataset import FileDataset
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid

from tests.e2e.support.accessibility import serious_findings
from tests.e2e.support.browser import chromium, keep_screenshot
from tests.e2e.support.fixtures import FollowedStudy, send
from tests.e2e.support.node import Node
from tests.e2e.support.studies import SentStudy, copy_with_new_uids, files, images_in_order, picked

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

LONG_ID = "THIS-IS-A-VERY-LONG-PATIENT-IDENTIFIER.1.3.6.1.4.1.14519.5.2"


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium() as page:
        yield page


@pytest.fixture(scope="module")
def few(node: Node, head: SentStudy, study_folder: Path) -> SentStudy:
    """Some slices of a head, of a patient with a long ID and no birth date."""

    def named(instance: FileDataset) -> None:
        instance.PatientID = LONG_ID
        instance.PatientName = "Everyday^Eva"
        instance.PatientBirthDate = ""
        instance.StudyDate = "20250302"

    paths = [Path(str(image.filename)) for image in images_in_order(head)][40:56]
    folder = study_folder / "everyday"
    study = copy_with_new_uids(picked(paths, folder), folder / "sent", named)
    send(node, study)
    return study


def stow(node: Node, instance: pydicom.Dataset) -> None:
    buffer = io.BytesIO()
    instance.save_as(buffer, enforce_file_format=True)
    body = (
        b"--part\r\nContent-Type: application/dicom\r\n\r\n" + buffer.getvalue() + b"\r\n--part--"
    )
    content_type = 'multipart/related; type="application/dicom"; boundary=part'
    answer = node.api.post(
        "/dicom-web/studies", content=body, headers={"Content-Type": content_type}
    )
    assert answer.is_success, answer.text


def opened(page: Page, node: Node, study: SentStudy) -> Locator:
    page.goto(f"{node.url}/study/?study={study.study_instance_uid}")
    viewport = page.get_by_test_id("viewport").first
    expect(viewport).to_have_attribute("data-image-rendered", "true")
    return viewport


def draw_length(page: Page, viewport: Locator, across: float = 120.0) -> tuple[float, float]:
    """Where the line begins, on the page."""
    box = viewport.bounding_box()
    assert box is not None
    x, y = box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.5
    page.keyboard.press("l")
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x + across, y + 40, steps=6)
    page.mouse.up()
    page.keyboard.press("w")
    return x, y


def segmentation_of(study: SentStudy, frames: int, rows: int, columns: int) -> hd.seg.Segmentation:
    """A foreign SEG on the first images of a study, cut to a matrix; 1 bit a pixel."""
    images = [pydicom.dcmread(image.filename) for image in images_in_order(study)[:frames]]
    mask = np.zeros((frames, rows, columns), np.uint8)
    mask[:, rows // 4 : rows // 2, columns // 4 : columns // 2] = 1
    for image in images:
        image.PixelData = np.ascontiguousarray(image.pixel_array[:rows, :columns]).tobytes()
        image.Rows, image.Columns = rows, columns
    segment = hd.seg.SegmentDescription(
        1, "Lesion", codes.SCT.MorphologicallyAbnormalStructure, codes.SCT.Lesion, "MANUAL"
    )
    return hd.seg.Segmentation(
        source_images=images,
        pixel_array=mask,
        segmentation_type="BINARY",
        segment_descriptions=[segment],
        series_instance_uid=generate_uid(),
        series_number=77,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="Elsewhere",
        manufacturer_model_name="Other",
        software_versions="1",
        device_serial_number="1",
        series_description=f"Lesion {columns} x {rows}",
        omit_empty_frames=False,
    )


def test_a_viewport_has_a_menu_fills_the_place_and_goes_back(
    node: Node, few: SentStudy, page: Page
) -> None:
    viewport = opened(page, node, few)
    page.get_by_test_id("grid-choice").select_option("1 2")
    expect(page.get_by_test_id("viewport")).to_have_count(2)
    grid = page.get_by_test_id("grid")
    viewport.dblclick()
    expect(grid).to_have_attribute("data-maximised", "cell-1")
    box, whole = viewport.bounding_box(), grid.bounding_box()
    assert box is not None
    assert whole is not None
    assert box["width"] == pytest.approx(whole["width"], abs=2)
    viewport.click(button="right")
    menu = page.get_by_test_id("context-menu")
    expect(menu).to_be_visible()
    keep_screenshot(page, "context-menu")
    assert serious_findings(page) == []
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Escape")
    expect(menu).to_have_count(0)
    viewport.click(button="right")
    menu.locator("[data-action=maximise]").click()
    expect(grid).to_have_attribute("data-maximised", "")
    # Three planes, too.
    page.get_by_test_id("grid-choice").select_option("1 1")
    page.keyboard.press("m")
    coronal = page.locator("[data-view=coronal]")
    expect(coronal).to_have_attribute("data-image-rendered", "true")
    coronal.dblclick()
    expect(page.get_by_test_id("planes")).to_have_attribute("data-maximised", "coronal")


@pytest.mark.slow
def test_what_was_drawn_is_undone_and_what_was_saved_is_not_changed_by_a_drag(
    node: Node, few: SentStudy, page: Page
) -> None:
    viewport = opened(page, node, few)
    # A tool that was on the left button before leaves it.
    page.keyboard.press("z")
    x, y = draw_length(page, viewport)
    expect(viewport.get_by_test_id("zoom-text")).to_have_text("Zoom 1.00×")
    measured = page.get_by_test_id("measured-text")
    expect(measured).to_have_count(1)
    expect(measured).to_contain_text("mm")
    page.wait_for_timeout(700)
    page.keyboard.press("Control+z")
    expect(measured).to_have_count(0)
    page.keyboard.press("Control+y")
    expect(measured).to_have_count(1)
    length = measured.inner_text()
    with page.expect_download() as download:
        page.get_by_test_id("measurements-csv").click()
    table = Path(download.value.path()).read_text(encoding="utf-8-sig").splitlines()
    assert len(table) == 2
    assert ",Length,,length," in table[1]
    page.get_by_test_id("save-measurements").click()
    expect(page.get_by_test_id("save-measurements")).to_have_attribute("data-saved", "true")
    window = viewport.get_by_test_id("window-text").inner_text()
    page.mouse.move(x + 1, y + 1)
    page.mouse.down()
    page.mouse.move(x + 60, y + 50, steps=6)
    page.mouse.up()
    # The drag was for the window, and the saved line stays.
    expect(viewport.get_by_test_id("window-text")).not_to_have_text(window)
    assert measured.inner_text() == length
    page.reload()
    expect(page.get_by_test_id("measured-text")).to_have_text(length)
    # Chosen in the list, it can be moved.
    page.get_by_test_id("measured-text").click()
    page.mouse.move(x, y)
    page.mouse.down()
    page.mouse.move(x - 40, y, steps=6)
    page.mouse.up()
    expect(page.get_by_test_id("measured-text")).not_to_have_text(length)


def test_an_image_that_does_not_come_says_why_and_comes_when_it_can(
    node: Node, few: SentStudy
) -> None:
    is_down = True
    opening = images_in_order(few)[len(few.sop_instance_uids) // 2].SOPInstanceUID

    def answer(route: Route) -> None:
        if is_down and opening not in route.request.url:
            route.abort("connectionrefused")
        else:
            route.continue_()

    with chromium(expected="Failed to load resource") as page:
        page.route("**/frames/1", answer)
        viewport = opened(page, node, few)
        page.keyboard.press("ArrowDown")
        stand_in = viewport.get_by_test_id("stand-in")
        expect(stand_in).to_have_attribute("data-cause", "unreachable")
        expect(stand_in).to_contain_text("No connection to the node")
        keep_screenshot(page, "no-connection")
        is_down = False
        expect(stand_in).to_have_count(0)
        expect(viewport).to_have_attribute("data-image-rendered", "true")


@pytest.mark.slow
def test_an_image_that_was_deleted_meanwhile_is_told_apart(
    node: Node, few: SentStudy, study_folder: Path
) -> None:
    study = copy_with_new_uids(few.folder, study_folder / "deleted-meanwhile")
    send(node, study)
    opening = images_in_order(study)[len(study.sop_instance_uids) // 2].SOPInstanceUID
    with chromium(expected="Failed to load resource") as page:
        page.route(
            "**/frames/1",
            lambda route: route.continue_() if opening in route.request.url else route.abort(),
        )
        viewport = opened(page, node, study)
        answer = node.api.delete(f"/dicom-web/studies/{study.study_instance_uid}")
        assert answer.is_success, answer.text
        page.unroute("**/frames/1")
        page.keyboard.press("ArrowDown")
        stand_in = viewport.get_by_test_id("stand-in")
        expect(stand_in).to_have_attribute("data-cause", "gone")
        expect(stand_in).to_contain_text("no longer has this image")


@pytest.mark.slow
def test_results_and_documents_open(followed: FollowedStudy, node: Node, page: Page) -> None:
    opened(page, node, followed.study)
    # Not all that computes is AI: each pipeline says what it is.
    expect(page.get_by_test_id("results-notice")).to_have_text("Research use only, unverified")
    expect(page.get_by_test_id("algorithm-family").first).to_contain_text("Artificial intelligence")
    buttons = page.get_by_test_id("result-button")
    dialog = page.get_by_test_id("result-dialog")
    page.locator("[data-testid=result-button][data-modality=SR]").first.click()
    expect(dialog).to_contain_text("Intracranial volume")
    expect(dialog).to_contain_text("cm³")
    expect(dialog).to_contain_text("unverified")
    keep_screenshot(page, "result")
    assert serious_findings(page) == []
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    page.locator("[data-testid=result-button][data-modality=DOC]").first.click()
    with page.context.expect_page() as new_page:
        dialog.get_by_role("link", name="Open PDF").first.click()
    assert "/rendered" in new_page.value.url or new_page.value.url == "about:blank"
    page.keyboard.press("Escape")
    page.locator("[data-testid=result-button][data-modality=SEG]").first.click()
    expect(dialog).to_contain_text("segment")
    assert buttons.count() >= 3


@pytest.mark.slow
def test_a_foreign_mask_is_drawn_or_says_in_a_sentence_why_not(
    node: Node, few: SentStudy, study_folder: Path, page: Page
) -> None:
    study = copy_with_new_uids(few.folder, study_folder / "segmented")
    whole = pydicom.dcmread(files(study.folder)[0], stop_before_pixels=True)
    drawable = segmentation_of(study, 3, whole.Rows, whole.Columns)
    other_matrix = segmentation_of(study, 3, 32, 32)
    elsewhere = segmentation_of(study, 3, 24, 24)
    elsewhere.FrameOfReferenceUID = generate_uid()
    # Elements after the pixels, as some writers have them.
    drawable.DataSetTrailingPadding = b"\0" * 8
    send(node, study)
    for instance in (drawable, other_matrix, elsewhere):
        stow(node, instance)
    viewport = opened(page, node, study)
    expect(viewport).to_have_attribute("data-mask-loaded", "true", timeout=60_000)
    expect(page.get_by_test_id("segment-toggle")).to_have_count(2)
    reason = page.get_by_role("alert").filter(has_text="Lesion 24 x 24")
    expect(reason).to_contain_text("another frame of reference")
    expect(reason).not_to_contain_text("Aborting")


@pytest.mark.slow
def test_a_study_is_one_line_of_the_list_whatever_its_patient_is_called(
    followed: FollowedStudy, node: Node, few: SentStudy, page: Page
) -> None:
    page.goto(node.url)
    rows = page.get_by_test_id("study-row")
    expect(rows.first).to_be_visible()
    heights = [box["height"] for box in (row.bounding_box() for row in rows.all()) if box]
    assert max(heights) <= 34, heights
    mine = page.locator(f"[data-study-instance-uid='{few.study_instance_uid}']")
    expect(mine.get_by_title(LONG_ID)).to_be_visible()
    table = page.locator("table").bounding_box()
    assert table is not None
    assert table["x"] + table["width"] <= 1440
    # Masks, reports and documents are no modality by which the head was taken.
    heads = page.locator(f"[data-study-instance-uid='{followed.study.study_instance_uid}']")
    expect(heads.get_by_title("DOC, MR, SEG, SR")).to_have_text("MR")
    keep_screenshot(page, "worklist-rows")


def test_jobs_name_their_patient(followed: FollowedStudy, node: Node, page: Page) -> None:
    page.goto(f"{node.url}/admin/?part=jobs")
    job = page.locator(f"[data-job-id='{followed.job['job_id']}']")
    name = str(images_in_order(followed.study)[0].PatientName).split("^", maxsplit=1)[0]
    expect(job.get_by_test_id("patient")).to_contain_text(name)
