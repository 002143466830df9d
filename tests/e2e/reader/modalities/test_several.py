"""A person reads what is no plain stack: mammograms, PET over CT, images over time, contours."""

from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Page, expect
from pydicom.dataset import Dataset
from pydicom.uid import (
    DigitalMammographyXRayImageStorageForPresentation,
    RTStructureSetStorage,
    generate_uid,
)

from tests import builders
from tests.e2e.support.browser import chromium
from tests.e2e.support.node import Node
from tests.e2e.support.opening import opened, store
from tests.e2e.support.pointing import point_to, seen

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium() as page:
        yield page


def mammograms() -> list[Dataset]:
    """Four views in one series, bright at the chest wall; the left CC lies mirrored.

    With a fifth one, of the right breast with the implant displaced.
    """
    wall_last = np.tile(np.linspace(0, 4000, 40).astype(np.int16), (60, 1))
    views = {
        ("L", "MLO"): (["A", "FR"], wall_last[:, ::-1]),
        ("R", "CC"): (["P", "L"], wall_last),
        ("L", "CC"): (["P", "R"], wall_last),
        ("R", "MLO"): (["P", "FL"], wall_last),
        ("R", "CC ID"): (["P", "L"], wall_last),
    }
    pixels = np.stack([plane for _, plane in views.values()])
    instances = builders.series(
        pixels, modality="CT", seed=901, Modality="MG", PatientID="READS-MG", WindowCenter="2000"
    )
    for instance, ((side, view), (orientation, _)) in zip(instances, views.items(), strict=True):
        instance.SOPClassUID = DigitalMammographyXRayImageStorageForPresentation
        instance.file_meta.MediaStorageSOPClassUID = instance.SOPClassUID
        for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
            delattr(instance, keyword)
        instance.ImagerPixelSpacing = [1, 1]
        instance.PatientOrientation, instance.WindowWidth = orientation, "4000"
        instance.ImageLaterality, instance.ViewPosition = side, view.removesuffix(" ID")
    code, modifier = Dataset(), Dataset()
    code.CodeValue, code.CodingSchemeDesignator = "399162004", "SCT"
    code.CodeMeaning = "cranio-caudal"
    modifier.CodeValue, modifier.CodingSchemeDesignator = "399209000", "SCT"
    modifier.CodeMeaning = "Implant Displaced"
    code.ViewModifierCodeSequence = [modifier]
    instances[-1].ViewCodeSequence = [code]
    return instances


@pytest.mark.slow
def test_mammograms_hang_back_to_back_and_go_on_to_the_next_stage(node: Node, page: Page) -> None:
    opened(page, node, store(node, mammograms()), 4)
    for index, wall in enumerate(["right", "left", "right", "left"]):
        viewport = page.get_by_test_id("viewport").nth(index)
        expect(viewport.get_by_test_id(f"letter-{wall}")).to_have_text("P")
        picture = seen(viewport)
        middle = picture[picture.shape[0] // 3 : picture.shape[0] // 2, :, 1]
        edges = {"left": middle[:, 4:10].mean(), "right": middle[:, -10:-4].mean()}
        assert edges.pop(wall) > 150
        assert max(edges.values()) < 30
    # As large as the patient, on a screen of which 300 pixels are as wide as a card.
    page.keyboard.press("Z")
    page.get_by_test_id("card-width").fill("300")
    page.get_by_test_id("screen-size").get_by_role("button", name="Save").click()
    expect(page.get_by_test_id("zoom-text").nth(3)).to_contain_text("True size")
    bars = page.get_by_test_id("scale-bar").evaluate_all(
        "bars => bars.map(({dataset}) => dataset.lengthMm / dataset.pixels)"
    )
    assert bars == pytest.approx([85.6 / 300] * 4, rel=1e-6)
    # Without a prior there are no stages beside one.
    expect(page.get_by_test_id("stage")).to_contain_text("1/4")
    page.keyboard.press(">")
    expect(page.get_by_test_id("stage")).to_have_text("2/4 CC")
    expect(page.get_by_test_id("viewport")).to_have_count(2)
    page.keyboard.press(">")
    page.keyboard.press(">")
    expect(page.get_by_test_id("stage")).to_have_text("4/4 Implants displaced")
    expect(page.get_by_test_id("image-view")).to_have_text("R CC ID")
    # What hung there before is gone from the viewports that this stage leaves empty.
    pictures = [seen(page.get_by_test_id("viewport").nth(index)) for index in range(2)]
    assert np.percentile(pictures[0], 98) > 150
    assert np.percentile(pictures[1], 98) < 60


def pet_and_ct() -> list[Dataset]:
    study, frame = generate_uid(), generate_uid()

    def volume(values: NDArray[np.int16], modality: str, intercept: float) -> list[Dataset]:
        return builders.series(
            values,
            modality=modality,
            spacing_mm=(5.0, 4.0, 4.0),
            intercept=intercept,
            seed=902 if modality == "CT" else 903,
            PatientID="READS-PET",
            StudyInstanceUID=study,
            FrameOfReferenceUID=frame,
        )

    ct = volume(np.full((6, 32, 32), 1024, np.int16), "CT", -1024.0)
    for instance in ct:
        instance.WindowCenter, instance.WindowWidth = "40", "400"
    activity = np.zeros((6, 32, 32), np.int16)
    activity[:, 12:20, 12:20] = 20000
    pet = volume(activity, "PT", 0.0)
    for instance in pet:
        instance.Units, instance.DecayCorrection, instance.PatientWeight = "BQML", "ADMIN", "70"
        instance.CorrectedImage = ["DECY", "ATTN"]
        drug = Dataset()
        drug.RadionuclideTotalDose, drug.RadionuclideHalfLife = "350000000", "6586.2"
        instance.RadiopharmaceuticalInformationSequence = [drug]
    return [*ct, *pet]


@pytest.mark.slow
def test_pet_lies_over_ct_in_colour_and_leaves_its_window_alone(node: Node, page: Page) -> None:
    study = store(node, pet_and_ct())
    # The toolbar takes a second line while the first image is put in its place.
    page.set_viewport_size({"width": 1280, "height": 800})
    opened(page, node, study, count=2)
    expect(page.get_by_test_id("viewport").nth(0)).to_contain_text("Zoom 1.00×")
    is_grey = np.abs(seen(page.get_by_test_id("viewport").nth(0)) - 102).max(axis=2) < 8
    rows, columns = ((is_grey.mean(axis=axis) > 0.4).sum() for axis in (1, 0))
    assert abs(rows - columns) <= 4
    # So wide that the controls of the fusion make no other line of the toolbar.
    page.set_viewport_size({"width": 2200, "height": 900})
    opened(page, node, study, count=2)
    axial = page.locator("[data-view=axial]")
    # The CT beside the PET, and with the next stage beneath it.
    page.keyboard.press(">")
    expect(axial).to_have_attribute("data-image-rendered", "true")
    expect(page.get_by_test_id("stage")).to_contain_text("Fused")
    expect(page.get_by_test_id("fusion")).not_to_have_value("")
    expect(page.get_by_test_id("mip")).to_have_attribute("data-ready", "true")
    page.keyboard.press("<")
    expect(page.get_by_test_id("viewport")).to_have_count(2)
    page.get_by_test_id("series-button").filter(has_text="CT").click()
    page.keyboard.press("m")
    page.get_by_test_id("fusion").select_option("")
    expect(axial).to_have_attribute("data-image-rendered", "true")
    expect(axial.get_by_test_id("window-text")).to_have_text("W 400 L 40")
    plain = seen(axial)
    page.get_by_test_id("fusion").select_option(index=1)
    # The projection of the PET beside the planes leaves the axial one its size.
    expect(page.get_by_test_id("mip")).to_have_attribute("data-ready", "true")
    fused = seen(axial)
    for _ in range(20):
        fused = seen(axial)
        if np.ptp(fused[fused.shape[0] // 2, fused.shape[1] // 2]) > 60:
            break
    assert np.abs(np.array(fused.shape) - plain.shape).max() <= 1
    # 20,000 Bq/ml of 350 MBq in 70 kg are SUV 4: red, at six tenths over grey.
    expect(page.get_by_test_id("fusion-upper")).to_have_value("10")
    height, width = fused.shape[:2]
    red, _, blue = fused[height // 2 - 20, width // 2 - 20]
    assert red - blue > 60
    expect(axial.get_by_test_id("window-text")).to_have_text("W 400 L 40")
    page.get_by_test_id("fusion").select_option("")
    expect(page.get_by_test_id("mip")).to_have_count(0)
    for _ in range(20):
        again = seen(axial)
        if again.shape == plain.shape and np.abs(again - plain).mean() < 1:
            break
    assert again.shape == plain.shape
    assert np.abs(again - plain).mean() < 1


@pytest.mark.slow
def test_images_of_one_place_are_gone_through_apart_from_the_places(node: Node, page: Page) -> None:
    places = [
        instance
        for time in range(4)
        for instance in builders.series(
            np.full((3, 16, 16), 100 * time + 50, np.int16),
            seed=904,
            PatientID="READS-TIME",
            TemporalPositionIdentifier=time + 1,
        )
    ]
    for number, instance in enumerate(places, start=1):
        instance.InstanceNumber = number
        instance.SOPInstanceUID = instance.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    opened(page, node, store(node, places))
    viewport = page.get_by_test_id("viewport").first
    place = viewport.get_by_test_id("slice-text")
    expect(place).to_have_text("2 / 3 · 3 / 4")
    page.keyboard.press("ArrowRight")
    expect(place).to_have_text("2 / 3 · 4 / 4")
    expect(page.get_by_test_id("axis-text")).to_have_text("4 / 4")
    viewport.hover()
    page.mouse.wheel(0, 100)
    expect(place).to_have_text("3 / 3 · 4 / 4")
    # Beyond the last place there is none, and no other time of it either.
    page.mouse.wheel(0, 100)
    page.keyboard.press("ArrowLeft")
    expect(place).to_have_text("3 / 3 · 3 / 4")


def contoured() -> list[Dataset]:
    """Three slices of 0.5 × 2 mm pixels, and a rectangle around pixels 10…20, 4…8 of the second."""
    images = builders.series(
        np.zeros((3, 16, 64), np.int16),
        modality="CT",
        spacing_mm=(3.0, 2.0, 0.5),
        origin_mm=(0, 0, 0),
        seed=905,
        PatientID="READS-RT",
    )
    structures = Dataset()
    structures.file_meta = images[0].file_meta.__class__()
    structures.file_meta.TransferSyntaxUID = images[0].file_meta.TransferSyntaxUID
    structures.SOPClassUID, structures.SOPInstanceUID = RTStructureSetStorage, generate_uid()
    structures.file_meta.MediaStorageSOPClassUID = structures.SOPClassUID
    structures.file_meta.MediaStorageSOPInstanceUID = structures.SOPInstanceUID
    structures.StudyInstanceUID, structures.SeriesInstanceUID = (
        images[0].StudyInstanceUID,
        generate_uid(),
    )
    structures.PatientID, structures.Modality = "READS-RT", "RTSTRUCT"
    structures.StructureSetLabel = "Plan"
    roi, drawn, contour = Dataset(), Dataset(), Dataset()
    roi.ROINumber, roi.ROIName = 1, "Target"
    roi.ReferencedFrameOfReferenceUID = images[0].FrameOfReferenceUID
    contour.ContourGeometricType = "CLOSED_PLANAR"
    corners = [(5, 8), (10, 8), (10, 16), (5, 16)]
    contour.ContourData = [value for x, y in corners for value in (x, y, 3)]
    contour.NumberOfContourPoints = len(corners)
    drawn.ReferencedROINumber, drawn.ROIDisplayColor = 1, [255, 0, 0]
    drawn.ContourSequence = [contour]
    structures.StructureSetROISequence, structures.ROIContourSequence = [roi], [drawn]
    return [*images, structures]


def test_a_contour_lies_on_its_slice_at_its_pixels(node: Node, page: Page) -> None:
    opened(page, node, store(node, contoured()))
    viewport = page.get_by_test_id("viewport").first
    contour = viewport.get_by_test_id("contour")
    expect(contour).to_have_attribute("data-roi", "Target")
    around, box = contour.bounding_box(), viewport.bounding_box()
    assert around is not None
    assert box is not None

    def pixel(x: float, y: float) -> tuple[int, int]:
        """Where a share of the contour's own box lies on the image."""
        return point_to(
            page,
            viewport,
            (around["x"] + x * around["width"] - box["x"]) / box["width"],
            (around["y"] + y * around["height"] - box["y"]) / box["height"],
        )

    # 5 mm of pixels of 0.5 mm is column 10, 8 mm of 2 mm is row 4; its line is as wide as it is.
    assert pixel(0.5, 0.5) == (15, 6)
    left, top = pixel(0.05, 0.1)
    assert (left, top) == (10, 4)
    page.keyboard.press("ArrowDown")
    expect(contour).to_have_count(0)
    page.get_by_test_id("structure-set").get_by_role("button", name="Go to Target").click()
    expect(contour).to_have_count(1)
    page.get_by_test_id("roi-toggle").uncheck()
    expect(contour).to_have_count(0)
