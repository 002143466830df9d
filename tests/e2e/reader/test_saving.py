"""What a person marks in the reader is kept and taken back; the pages of the report are shown."""

import threading
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, Route, expect
from pydicom.uid import generate_uid

from tests import builders
from tests.api.access.closed import PASSWORD, ClosedNode
from tests.api.client import part10, scheduled_job, worked_on
from tests.e2e.support.accessibility import serious_findings
from tests.e2e.support.guarded import sign_in
from tests.e2e.support.pointing import point_to
from tests.e2e.support.waiting import wait_until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@pytest.fixture
def study(guarded: ClosedNode) -> str:
    guarded.storage.accounts.add("ada", PASSWORD, ["radiologist"])
    datasets = builders.t1_head((4, 64, 64))
    for dataset in datasets:
        guarded.storage.ingest.accept(part10(dataset), "test")
    return str(datasets[0].StudyInstanceUID)


@pytest.mark.slow
def test_key_images_are_marked_and_the_last_is_taken_back(
    guarded: ClosedNode, guarded_page: Page, study: str
) -> None:
    page = guarded_page
    sign_in(page, guarded, "ada", f"/study/?study={study}")
    viewport = page.get_by_test_id("viewport").first
    expect(viewport).to_have_attribute("data-image-rendered", "true")
    marked = page.get_by_test_id("key-images").get_by_role("listitem")
    button = page.get_by_role("button", name="Key image", exact=True)
    saved = guarded.storage.index.instances_of

    def versions() -> int:
        return sum(one.source == "reader:ada" for one in saved(study))

    for number, count in ((1, 1), (2, 0), (3, 1)):
        with page.expect_response(lambda answer: answer.url.endswith("/key-images")) as answered:
            page.keyboard.press("k")
        assert answered.value.status == 201
        expect(marked).to_have_count(count)
        expect(button).to_have_attribute("aria-pressed", "true" if count else "false")
        assert versions() == number
        page.reload()
        expect(viewport).to_have_attribute("data-image-rendered", "true")
        expect(button).to_have_attribute("aria-pressed", "true" if count else "false")
    expect(page.get_by_test_id("problem")).to_have_count(0)


@pytest.mark.parametrize(
    "awaited",
    ["**/frames/*", pytest.param("**/metadata*", marks=pytest.mark.slow)],
    ids=["image", "headers"],
)
def test_a_key_image_that_is_asked_for_before_its_stack_is_shown_is_gone_to(
    guarded: ClosedNode, guarded_page: Page, study: str, awaited: str
) -> None:
    page, held = guarded_page, list[Route]()
    released = threading.Event()

    def hold(route: Route) -> None:
        if released.is_set():
            route.continue_()
        else:
            held.append(route)

    sign_in(page, guarded, "ada", f"/study/?study={study}")
    viewport = page.get_by_test_id("viewport").first
    expect(viewport).to_have_attribute("data-image-rendered", "true")
    page.keyboard.press("End")
    expect(viewport).to_have_attribute("data-slice-number", "4")
    # It is shown before it is saved, and who leaves the page meanwhile cuts the request off.
    with page.expect_response(lambda one: one.request.method == "POST" and "key-images" in one.url):
        page.keyboard.press("k")
    marked = page.get_by_test_id("key-images").get_by_role("button")
    expect(marked).to_have_count(1)
    page.route(awaited, hold)
    # Not a reload: the address may name by now an image to open at.
    page.goto(f"{guarded.url}/study/?study={study}")
    marked.click()
    # What moves on from the open slice finds none as yet.
    page.keyboard.press("ArrowDown")
    assert viewport.get_attribute("data-image-rendered") != "true"
    released.set()
    for route in held:
        route.continue_()
    expect(viewport).to_have_attribute("data-slice-number", "4")


@pytest.mark.slow
def test_a_key_image_of_a_series_that_is_not_open_opens_it(
    guarded: ClosedNode, guarded_page: Page, study: str
) -> None:
    other = generate_uid()
    for dataset in builders.t1_head((4, 64, 64)):
        dataset.SeriesInstanceUID, dataset.SOPInstanceUID = other, generate_uid()
        dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
        dataset.SeriesNumber, dataset.SeriesDescription = 99, "t2_other"
        guarded.storage.ingest.accept(part10(dataset), "test")
    page = guarded_page
    sign_in(page, guarded, "ada", f"/study/?study={study}")
    viewport = page.get_by_test_id("viewport").first
    expect(viewport).to_have_attribute("data-image-rendered", "true")
    first = viewport.get_attribute("data-series")
    page.keyboard.press("End")
    expect(viewport).to_have_attribute("data-slice-number", "4")
    with page.expect_response(lambda answer: answer.url.endswith("/key-images")) as answered:
        page.keyboard.press("k")
    assert answered.value.status == 201
    # Where it was looked at last is where it would open by itself.
    page.keyboard.press("Home")
    expect(viewport).to_have_attribute("data-slice-number", "1")
    page.keyboard.press(".")
    expect(viewport).not_to_have_attribute("data-series", str(first))

    page.get_by_test_id("key-images").get_by_role("button").click()

    expect(viewport).to_have_attribute("data-series", str(first))
    expect(viewport).to_have_attribute("data-slice-number", "4")


@pytest.mark.slow
def test_a_probe_tells_the_value_of_the_pixel_on_whatever_slice_it_stands(
    guarded: ClosedNode, guarded_page: Page, study: str
) -> None:
    page = guarded_page
    sign_in(page, guarded, "ada", f"/study/?study={study}")
    viewport = page.get_by_test_id("viewport").first
    expect(viewport).to_have_attribute("data-image-rendered", "true")
    wait_until(page, "location.search.includes('image=')")
    (opened,) = parse_qs(urlsplit(page.url).query)["image"]
    page.keyboard.press("End")
    expect(viewport).to_have_attribute("data-slice-number", "4")
    # The address follows the slice a moment later.
    wait_until(page, "opened => !location.search.includes(opened)", arg=opened)
    (shown,) = parse_qs(urlsplit(page.url).query)["image"]
    instance = guarded.storage.index.instance(shown.partition("#")[0])
    pixels = guarded.storage.instances.dataset(instance).pixel_array
    page.keyboard.press("v")
    column, row = point_to(page, viewport, 0.45, 0.55)
    page.mouse.down()
    page.mouse.up()
    value = int(pixels[row, column])
    shown = f"{value:.{0 if value >= 100 else 1}f}"
    expect(page.get_by_test_id("measured-text")).to_have_text(shown)
    expect(viewport.locator("svg text").first).to_contain_text(shown)
    # What somebody calls it stands beside it on the image.
    page.get_by_test_id("measurement").get_by_role("textbox").fill("Pons")
    expect(viewport.locator("svg text").first).to_contain_text("Pons")


@pytest.mark.slow
def test_planes_say_that_images_are_missing_as_long_as_they_are(
    guarded: ClosedNode, guarded_page: Page, study: str
) -> None:
    page, held = guarded_page, list[Route]()
    first, released = threading.Event(), threading.Event()

    def hold(route: Route) -> None:
        if first.is_set() and not released.is_set():
            held.append(route)
        else:
            first.set()
            route.continue_()

    page.route("**/frames/*", hold)
    sign_in(page, guarded, "ada", f"/study/?study={study}")
    expect(page.get_by_test_id("viewport").first).to_have_attribute("data-image-rendered", "true")
    page.keyboard.press("m")
    for plane in ("axial", "sagittal", "coronal"):
        view = page.locator(f"[data-view={plane}]")
        expect(view.get_by_test_id("volume-partial")).to_contain_text("of 4 images loaded")
    released.set()
    for route in held:
        route.continue_()
    expect(page.get_by_test_id("volume-partial")).to_have_count(0)


@pytest.mark.slow
def test_the_pdf_of_the_report_is_shown_within_the_page(
    guarded: ClosedNode, guarded_page: Page, study: str
) -> None:
    page = guarded_page
    worked_on(guarded.storage, scheduled_job(guarded.storage, study))
    sign_in(page, guarded, "ada", f"/study/?study={study}")
    page.get_by_role("tab", name="Report").click()
    page.get_by_role("button", name="Create draft").click()
    page.get_by_role("button", name="PDF preview").click()
    preview = page.get_by_test_id("pdf-preview")
    sheet = preview.get_by_test_id("pdf-page").first
    expect(sheet).to_have_attribute("alt", "Page 1 of 1")
    wait_until(
        page, "image => image.complete && image.naturalWidth > 500", arg=sheet.element_handle()
    )
    # It is no empty sheet.
    dark = page.evaluate(
        """async image => {
            const canvas = document.createElement("canvas");
            canvas.width = image.naturalWidth; canvas.height = image.naturalHeight;
            const brush = canvas.getContext("2d");
            brush.drawImage(image, 0, 0);
            const { data } = brush.getImageData(0, 0, canvas.width, canvas.height);
            return data.filter((value, at) => at % 4 === 0 && value < 100).length;
        }""",
        sheet.element_handle(),
    )
    assert dark > 500
    assert serious_findings(page) == []
    with page.expect_download() as download:
        preview.get_by_role("link", name="Download").click()
    assert download.value.path().read_bytes().startswith(b"%PDF-")
    assert download.value.suggested_filename == "report-version-1.pdf"
    page.keyboard.press("Escape")
    expect(preview).to_have_count(0)
