"""Another viewer reads from the node: OHIF from its npm package, in a browser, without a shim."""

import contextlib
import io
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Locator, Page, TimeoutError, expect
from pydicom.uid import generate_uid

from tests.api.client import part10
from tests.e2e.support.browser import chromium, keep_screenshot
from tests.e2e.support.fixtures import FollowedStudy
from tests.e2e.support.length_report import length_report
from tests.e2e.support.node import Node
from tests.e2e.support.ohif import ohif_site
from tests.e2e.support.ohif_page import drawn_again, wait_until
from tests.e2e.support.studies import SentStudy

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

_LENGTH_MM = 42.0


@pytest.fixture
def ohif(node: Node, ohif_port: int) -> Iterator[str]:
    with ohif_site(ohif_port, f"{node.url}/dicom-web") as site:
        yield site


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium() as page:
        yield page


def open_study(page: Page, ohif: str, study_instance_uid: str) -> Locator:
    """The study's first viewport, once OHIF has shown it and its tour was refused."""
    page.goto(f"{ohif}/viewer?StudyInstanceUIDs={study_instance_uid}")
    viewport = page.locator("[data-cy=viewport-pane]").first
    expect(viewport.locator("canvas.cornerstone-canvas")).to_be_visible(timeout=60_000)
    tour = page.get_by_text("Skip all")
    with contextlib.suppress(TimeoutError):
        # It is offered to who comes for the first time.
        tour.click(timeout=10_000)
    return viewport


def result_of(page: Page, modality: str) -> Locator:
    return page.locator("[data-cy=study-browser-thumbnail-no-image]", has_text=modality)


def coloured(locator: Locator) -> int:
    """How many points of what is shown are the orange of OHIF's first segment."""
    red, green, blue = np.moveaxis(shown(locator), -1, 0)
    return int(((red > 150) & (red - blue > 60) & (green > 80) & (green < 200)).sum())


def shown(locator: Locator) -> NDArray[np.int16]:
    return np.asarray(Image.open(io.BytesIO(locator.screenshot())).convert("RGB"), np.int16)


@pytest.mark.slow
def test_ohif_lists_the_study_shows_its_images_and_lays_the_mask_over_them(
    followed: FollowedStudy, page: Page, ohif: str
) -> None:
    header = pydicom.dcmread(next(followed.study.folder.glob("*.dcm")), stop_before_pixels=True)
    page.goto(ohif)
    expect(page.get_by_text(str(header.StudyDescription)).first).to_be_visible()
    viewport = open_study(page, ohif, followed.study.study_instance_uid)
    expect(result_of(page, "Intracranial volume report")).to_contain_text("SR")
    assert coloured(viewport) == 0
    result_of(page, "SEG").dblclick()
    page.locator("[data-cy=yes-hydrate-btn]").click()
    # OHIF goes to the first image that the mask touches.
    wait_until(lambda: coloured(viewport) > 100, page)
    assert shown(viewport).std() > 10
    keep_screenshot(page, "ohif")


@pytest.mark.slow
def test_ohif_draws_a_length_that_a_report_holds_and_takes_it_over(
    head: SentStudy, node: Node, page: Page, ohif: str
) -> None:
    files = sorted(head.folder.glob("*.dcm"))
    middle = len(files) // 2
    # Too few for a pipeline, so that nothing else happens to them.
    images = part_of(files[middle - 3 : middle + 3])
    report = length_report(images[3], _LENGTH_MM)
    for body in (*map(part10, images), report):
        node.api.post(
            "/dicom-web/studies", content=body, headers={"Content-Type": "application/dicom"}
        ).raise_for_status()
    viewport = open_study(page, ohif, images[0].StudyInstanceUID)
    wait_until_drawn(viewport, page)
    result_of(page, "Lengths").dblclick()
    # Asked only of a report whose measurements OHIF can take over as its own (TID 1501).
    expect(page.get_by_text("Do you want to continue tracking measurements")).to_be_visible(
        timeout=60_000
    )
    length = viewport.locator("svg text", has_text="42.00 mm")
    wait_until(lambda: drawn_again(viewport, page) and length.count() > 0, page, 60)
    page.locator("[data-cy=yes-hydrate-btn]").click()
    # Its own line, measured by OHIF from the points: not the number that the report states.
    own = viewport.locator("svg text", has_text="42.0 mm")
    wait_until(lambda: drawn_again(viewport, page) and own.count() > 0, page, 60)


def part_of(files: Sequence[Path]) -> list[pydicom.Dataset]:
    """These images as a study of their own, their pixels square: OHIF takes the two spacings of
    others for one another where it takes over a line, and makes 40.0 mm of these 42."""
    study, series = generate_uid(), generate_uid()
    images = []
    for file in files:
        image = pydicom.dcmread(file)
        image.StudyInstanceUID, image.SeriesInstanceUID = study, series
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        # A patient of its own: other tests ask for the name of the one whose images these are.
        image.PatientID, image.PatientName = "OHIF-1", "Doe^Jane"
        image.PixelSpacing = [0.7, 0.7]
        images.append(image)
    return images


def wait_until_drawn(viewport: Locator, page: Page) -> None:
    wait_until(lambda: shown(viewport).std() > 10, page)
