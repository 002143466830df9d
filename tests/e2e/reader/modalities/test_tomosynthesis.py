"""A person reads a tomosynthesis beside its 2D view: slice by slice, and as slabs."""

import copy
from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Locator, Page, expect
from pydicom.dataset import Dataset
from pydicom.uid import (
    BreastTomosynthesisImageStorage,
    DigitalMammographyXRayImageStorageForPresentation,
)

from tests import builders
from tests.e2e.support.browser import chromium
from tests.e2e.support.node import Node
from tests.e2e.support.opening import store
from tests.e2e.support.pointing import point_to

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

_FRAMES = 20
_SPACING_MM = 1.5


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium() as page:
        yield page


def _code(value: str, meaning: str) -> Dataset:
    code = Dataset()
    code.CodeValue, code.CodingSchemeDesignator, code.CodeMeaning = value, "SCT", meaning
    return code


def tomosynthesis(laterality: str = "L") -> Dataset:
    """Twenty slices of one breast, 100 (k + 1) in slice k; one of them is bright in the middle."""
    planes = np.stack([np.full((60, 40), 100 * (k + 1), np.int16) for k in range(_FRAMES)])
    planes[12, 20:40, 10:30] = 4000
    slices = builders.series(
        planes, modality="MR", spacing_mm=(_SPACING_MM, 1.0, 1.0), seed=917, Modality="MG"
    )
    # The last frame that is stored is the first in the breast.
    instance = builders.enhanced_mr(slices, list(range(_FRAMES))[::-1])
    instance.SOPClassUID = BreastTomosynthesisImageStorage
    instance.file_meta.MediaStorageSOPClassUID = instance.SOPClassUID
    instance.PatientID, instance.SeriesDescription = "READS-DBT", "Tomo"
    instance.WindowCenter, instance.WindowWidth = "2000", "4000"
    anatomy = Dataset()
    anatomy.FrameLaterality = laterality
    instance.SharedFunctionalGroupsSequence[0].FrameAnatomySequence = [anatomy]
    instance.ViewCodeSequence = [_code("399162004", "cranio-caudal")]
    return instance


def flat_view(of: Dataset) -> Dataset:
    (flat,) = builders.series(
        np.full((1, 60, 40), 1500, np.int16), modality="CT", seed=918, Modality="MG"
    )
    flat.SOPClassUID = DigitalMammographyXRayImageStorageForPresentation
    flat.file_meta.MediaStorageSOPClassUID = flat.SOPClassUID
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
        delattr(flat, keyword)
    flat.ImagerPixelSpacing, flat.PatientOrientation = [1, 1], ["P", "R"]
    flat.ImageLaterality, flat.ViewPosition, flat.SeriesDescription = "L", "CC", "2D"
    flat.WindowCenter, flat.WindowWidth = "2000", "4000"
    flat.PatientID, flat.StudyInstanceUID = of.PatientID, copy.copy(of.StudyInstanceUID)
    return flat


def value_at(page: Page, viewport: Locator, x: float, y: float) -> float:
    point_to(page, viewport, x, y)
    return float(viewport.get_by_test_id("cursor-value").get_attribute("data-value") or "nan")


@pytest.mark.slow
def test_tomosynthesis_is_read_in_slabs_beside_its_2d_view(node: Node, page: Page) -> None:
    # So wide that the controls of slabs make no other line of the toolbar.
    page.set_viewport_size({"width": 1800, "height": 900})
    tomo = tomosynthesis()
    study = store(node, [flat_view(tomo), tomo])
    page.goto(f"{node.url}/study/?study={study}")
    # What is of the right side stays empty.
    flat = page.get_by_test_id("viewport").nth(1)
    expect(flat).to_have_attribute("data-image-rendered", "true", timeout=60_000)
    while "tomosynthesis" not in (page.get_by_test_id("stage").text_content() or "").lower():
        page.keyboard.press(">")
    viewport = page.get_by_test_id("viewport").filter(has=page.get_by_test_id("slab-position"))
    expect(viewport).to_have_count(1)
    expect(viewport).to_have_attribute("data-image-rendered", "true")
    expect(viewport.get_by_test_id("image-view")).to_have_text("L CC")
    viewport.focus()
    page.keyboard.press("Home")
    page.keyboard.press("PageDown")
    # The eleventh slice from 15.0 to 16.5 mm, by its middle.
    expect(viewport).to_have_attribute("data-slice-number", "11")
    expect(viewport.get_by_test_id("slab-place")).to_have_text("15.8 of 30.0 mm")
    corner, lesion = (0.42, 0.08), (0.5, 0.5)
    assert value_at(page, viewport, *corner) == 1100
    assert value_at(page, viewport, *lesion) == 1100

    # A mean of 5 slices, and a maximum that has what lies two slices away.
    page.get_by_test_id("stack-projection").select_option("mean")
    for _ in range(5):
        page.keyboard.press("-")
    thickness = viewport.get_by_test_id("slab-thickness-text")
    expect(thickness).to_have_text("Mean 7.5 mm (5 slices)")
    assert value_at(page, viewport, *corner) == 1100
    assert value_at(page, viewport, *lesion) == (900 + 1000 + 1100 + 1200 + 4000) / 5
    page.keyboard.press("M")
    expect(thickness).to_have_text("Maximum (MIP) 7.5 mm (5 slices)")
    assert value_at(page, viewport, *corner) == 1300
    assert value_at(page, viewport, *lesion) == 4000
    # At the end of the breast a slab is thinner, and says so.
    viewport.focus()
    page.keyboard.press("End")
    expect(thickness).to_have_text("Maximum (MIP) 4.5 mm (3 slices)")
    assert value_at(page, viewport, *corner) == 2000
    # Planes are made of the slices; the stack is as thick as it was before them.
    page.keyboard.press("m")
    axial = page.locator("[data-testid=viewport][data-view=axial]")
    expect(axial).to_have_attribute("data-image-rendered", "true")
    page.keyboard.press("m")
    expect(thickness).to_have_text("Maximum (MIP) 4.5 mm (3 slices)")
    assert value_at(page, viewport, *corner) == 2000
    viewport.focus()
    page.keyboard.press("PageUp")
    expect(thickness).to_have_text("Maximum (MIP) 7.5 mm (5 slices)")
    assert value_at(page, viewport, *corner) == 1200
    page.keyboard.press("M")
    expect(thickness).to_have_count(0)
    assert value_at(page, viewport, *corner) == 1000


@pytest.mark.slow
def test_slices_that_are_stored_one_by_one_are_read_as_those_of_one_instance(
    node: Node, page: Page
) -> None:
    page.set_viewport_size({"width": 1800, "height": 900})
    planes = np.stack([np.full((60, 40), 100 * (k + 1), np.int16) for k in range(_FRAMES)])
    slices = builders.series(
        planes, modality="CT", spacing_mm=(_SPACING_MM, 1.0, 1.0), seed=919, Modality="MG"
    )
    for one in slices:
        one.PatientID, one.SeriesDescription = "READS-DBT-SINGLE", "Tomo"
        one.ImageLaterality, one.ViewPosition = "L", "CC"
        one.WindowCenter, one.WindowWidth = "2000", "4000"
    flat_image = flat_view(slices[0])
    flat_image.SeriesInstanceUID = "2.25.9191"
    flat_image.SOPInstanceUID = flat_image.file_meta.MediaStorageSOPInstanceUID = "2.25.9192"
    study = store(node, [flat_image, *slices])
    page.goto(f"{node.url}/study/?study={study}")
    flat = page.get_by_test_id("viewport").nth(1)
    expect(flat).to_have_attribute("data-image-rendered", "true", timeout=60_000)
    while "tomosynthesis" not in (page.get_by_test_id("stage").text_content() or "").lower():
        page.keyboard.press(">")
    viewport = page.get_by_test_id("viewport").filter(has=page.get_by_test_id("slab-position"))
    expect(viewport).to_have_count(1)
    expect(viewport).to_have_attribute("data-image-rendered", "true")
    viewport.focus()
    page.keyboard.press("Home")
    page.keyboard.press("PageDown")
    expect(viewport.get_by_test_id("slab-place")).to_have_text("15.8 of 30.0 mm")
    page.get_by_test_id("stack-projection").select_option("max")
    thickness = viewport.get_by_test_id("slab-thickness-text")
    expect(thickness).to_have_text("Maximum (MIP) 15.0 mm (10 slices)")
    assert value_at(page, viewport, 0.5, 0.5) == 1600


@pytest.mark.slow
def test_each_view_of_a_series_is_as_thick_as_it_was_made(node: Node, page: Page) -> None:
    page.set_viewport_size({"width": 1800, "height": 900})
    left, right = tomosynthesis(), tomosynthesis("R")
    for one, uid in ((left, "2.25.9174"), (right, "2.25.9173")):
        one.SOPInstanceUID = one.file_meta.MediaStorageSOPInstanceUID = uid
        one.StudyInstanceUID, one.SeriesInstanceUID = "2.25.9171", "2.25.9172"
        one.PatientID = "READS-DBT-BOTH"
    study = store(node, [left, right])
    page.goto(f"{node.url}/study/?study={study}")
    viewports = page.get_by_test_id("viewport")
    of = {side: viewports.filter(has_text=f"{side} CC") for side in ("R", "L")}
    for viewport in of.values():
        expect(viewport).to_have_attribute("data-image-rendered", "true", timeout=60_000)
        viewport.focus()
        page.keyboard.press("Home")
    lesion = (0.5, 0.5)
    thickness = {
        side: viewport.get_by_test_id("slab-thickness-text") for side, viewport in of.items()
    }
    for viewport in of.values():
        viewport.focus()
        page.keyboard.press("PageDown")
        expect(viewport).to_have_attribute("data-slice-number", "11")
        # By position, though the last frame that is stored is the first in the breast.
        expect(viewport.get_by_test_id("slab-place")).to_have_text("15.8 of 30.0 mm")
    projection = page.get_by_test_id("stack-projection")
    single = value_at(page, of["L"], *lesion)
    assert single < 4000

    of["R"].focus()
    projection.select_option("max")
    expect(thickness["R"]).to_have_text("Maximum (MIP) 15.0 mm (10 slices)")
    assert value_at(page, of["R"], *lesion) == 4000
    # The other breast is of the same series, and as it was.
    of["L"].focus()
    expect(projection).to_have_value("slice")
    expect(thickness["L"]).to_have_count(0)
    assert value_at(page, of["L"], *lesion) == single
    projection.select_option("mean")
    expect(thickness["L"]).to_have_text("Mean 15.0 mm (10 slices)")
    expect(thickness["R"]).to_have_text("Maximum (MIP) 15.0 mm (10 slices)")
    assert value_at(page, of["R"], *lesion) == 4000
