"""A person reads radiographs: all views at once, then each beside the like view of a prior."""

from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from pydicom.dataset import Dataset
from pydicom.uid import DigitalXRayImageStorageForPresentation, generate_uid

from tests import builders
from tests.e2e.support.browser import chromium
from tests.e2e.support.node import Node
from tests.e2e.support.opening import opened, store
from tests.e2e.support.pointing import seen

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium() as page:
        yield page


def films(date: str, grey_of: dict[str, int], *, one_series: bool) -> list[Dataset]:
    """A flat grey film for each view, in the order of the dict."""
    study, series = generate_uid(), generate_uid()
    made = []
    for number, (view, grey) in enumerate(grey_of.items()):
        (image,) = builders.series(
            np.full((1, 64, 48), grey, np.int16),
            modality="CT",
            seed=970,
            Modality="DX",
            PatientID="READS-DX",
            PatientBirthDate="19700101",
            PatientName="Films^Two",
            StudyDate=date,
            BodyPartExamined="CHEST",
            WindowCenter="128",
            WindowWidth="256",
        )
        image.SOPClassUID = DigitalXRayImageStorageForPresentation
        image.file_meta.MediaStorageSOPClassUID = image.SOPClassUID
        for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
            delattr(image, keyword)
        image.ImagerPixelSpacing = [1, 1]
        image.StudyInstanceUID = study
        image.SeriesInstanceUID = series if one_series else generate_uid()
        image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
        image.InstanceNumber = number + 1
        if view == "RL":
            # As most devices state it: by a code, and no View Position.
            code = Dataset()
            code.CodeValue, code.CodingSchemeDesignator = "399198007", "SCT"
            code.CodeMeaning = "right lateral"
            image.ViewCodeSequence = [code]
        else:
            image.ViewPosition = view
        made.append(image)
    return made


def greys(page: Page, count: int) -> list[int]:
    """Of the middle of each viewport."""
    viewports = page.get_by_test_id("viewport")
    expect(viewports).to_have_count(count)
    found = []
    for index in range(count):
        expect(viewports.nth(index)).to_have_attribute("data-image-rendered", "true")
        picture = seen(viewports.nth(index))
        height, width = picture.shape[:2]
        patch = picture[height // 2 - 20 : height // 2 - 10, width // 2 - 20 : width // 2 - 10]
        found.append(round(float(patch.mean())))
    return found


def test_both_views_stand_side_by_side_and_each_goes_beside_the_like_view_of_the_prior(
    node: Node, page: Page
) -> None:
    # The prior came lateral first, in two series, and its frontal view was taken lying.
    store(node, films("20230101", {"RL": 60, "AP": 90}, one_series=False))
    uid = store(node, films("20240601", {"PA": 150, "LL": 210}, one_series=True))
    opened(page, node, uid, 2)
    stage = page.get_by_test_id("stage")
    expect(stage).to_contain_text("1/4")
    assert greys(page, 2) == pytest.approx([150, 210], abs=3)
    page.keyboard.press(">")
    expect(stage).to_contain_text("2/4")
    assert greys(page, 2) == pytest.approx([150, 90], abs=3)
    expect(page.get_by_test_id("viewport").nth(1)).to_contain_text("Earlier study")
    page.keyboard.press(">")
    expect(stage).to_contain_text("3/4")
    assert greys(page, 2) == pytest.approx([210, 60], abs=3)
    page.keyboard.press(">")
    expect(stage).to_contain_text("4/4")
    assert greys(page, 4) == pytest.approx([90, 60, 150, 210], abs=3)
    page.keyboard.press("<")
    expect(stage).to_contain_text("3/4")


def test_a_single_film_opens_beside_its_prior(node: Node, page: Page) -> None:
    for image in (before := films("20230101", {"AP": 70}, one_series=True)):
        image.PatientID = "READS-DX-ONE"
    now = films("20240601", {"PA": 180}, one_series=True)
    now[0].PatientID = "READS-DX-ONE"
    store(node, before)
    opened(page, node, store(node, now), 2)
    assert greys(page, 2) == pytest.approx([180, 70], abs=3)
