"""A person looks at plans: structures in planes, sums of doses, histograms as stored."""

import copy
import re
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Locator, Page, expect
from pydicom.dataset import Dataset
from pydicom.uid import RTDoseStorage, RTPlanStorage, generate_uid
from pydicom.valuerep import format_number_as_ds

from tests.e2e.reader.modalities.test_dose import (
    _IMAGES,
    _RADII,
    Vectors,
    image_point,
    instance,
    plan,
    true_dose,
)
from tests.e2e.support.browser import chromium
from tests.e2e.support.node import Node
from tests.e2e.support.opening import opened, store
from tests.e2e.support.pointing import point_to

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(300)]

_BALL = image_point(40, 30, 8)


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium() as page:
        yield page


def fresh_plan() -> list[Dataset]:
    """The plan of another story as another study."""
    sent, series = plan(), generate_uid()
    for image in sent:
        if image.Modality == "CT":
            image.SeriesInstanceUID = series
            image.SOPInstanceUID = image.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    return sent


def second_dose(like: Dataset, kind: str = "PHYSICAL") -> tuple[Dataset, Dataset]:
    """A plan of its own and its dose, on an upright grid of 5 mm: a slope along x and z."""
    planned = instance(RTPlanStorage, like, "RTPLAN")
    planned.RTPlanLabel = "Main" if kind == "PHYSICAL" else "Protons"
    dose = instance(RTDoseStorage, like, "RTDOSE")
    k, _, i = np.indices((30, 32, 31))
    values = np.asarray(2000 + 40 * i + 25 * k, np.uint16)
    dose.DoseUnits, dose.DoseType, dose.DoseSummationType = "GY", kind, "PLAN"
    dose.NumberOfFrames, dose.Rows, dose.Columns = values.shape
    dose.FrameIncrementPointer = 0x3004000C
    dose.GridFrameOffsetVector = [str(5 * plane) for plane in range(30)]
    dose.DoseGridScaling = "0.01"
    dose.ImagePositionPatient, dose.ImageOrientationPatient = [-75, -80, -70], [1, 0, 0, 0, 1, 0]
    dose.PixelSpacing = [5, 5]
    dose.SamplesPerPixel, dose.PhotometricInterpretation = 1, "MONOCHROME2"
    dose.BitsAllocated = dose.BitsStored = 16
    dose.HighBit, dose.PixelRepresentation = 15, 0
    dose.PixelData = values.tobytes()
    dose["PixelData"].VR = "OW"
    reference = Dataset()
    reference.ReferencedSOPClassUID = planned.SOPClassUID
    reference.ReferencedSOPInstanceUID = planned.SOPInstanceUID
    dose.ReferencedRTPlanSequence = [reference]
    return planned, dose


def slope(point: Vectors) -> float:
    return float(20 + 0.4 * (point[0] + 75) / 5 + 0.25 * (point[2] + 70) / 5)


def ball_doses() -> NDArray[np.float64]:
    """Of points throughout the ball."""
    across = np.arange(-18.0, 18.0, 0.8) + 0.4
    x, y = np.meshgrid(across, across)
    found = []
    for index, radius in _RADII.items():
        inside = np.hypot(x, y) <= radius
        points = image_point(40, 30, index) + (
            x[inside][:, None] * _IMAGES[:, 0] + y[inside][:, None] * _IMAGES[:, 1]
        )
        found.append(true_dose(points))
    return np.concatenate(found)


def with_histograms(sent: list[Dataset]) -> list[Dataset]:
    """The dose with a cumulative histogram of the ball, of bins of 0.5 Gy, and one of two ROIs."""
    structures = next(one for one in sent if one.Modality == "RTSTRUCT")
    dose = next(one for one in sent if one.Modality == "RTDOSE")
    doses = ball_doses()
    volumes = [40.0 * float((doses >= 0.5 * bin).mean()) for bin in range(130)]
    histogram, roi, other = Dataset(), Dataset(), Dataset()
    roi.ReferencedROINumber, roi.DVHROIContributionType = 1, "INCLUDED"
    other.ReferencedROINumber, other.DVHROIContributionType = 2, "INCLUDED"
    histogram.DVHType, histogram.DoseUnits, histogram.DoseType = "CUMULATIVE", "GY", "PHYSICAL"
    histogram.DVHDoseScaling, histogram.DVHVolumeUnits = "1", "CM3"
    histogram.DVHNumberOfBins = len(volumes)
    histogram.DVHData = [
        format_number_as_ds(value) for volume in volumes for value in (0.5, round(volume, 4))
    ]
    histogram.DVHReferencedROISequence = [roi]
    histogram.DVHMeanDose = format_number_as_ds(round(float(doses.mean()), 3))
    both = copy.deepcopy(histogram)
    both.DVHReferencedROISequence = [roi, other]
    dose.DVHSequence = [histogram, both]
    reference = Dataset()
    reference.ReferencedSOPClassUID = structures.SOPClassUID
    reference.ReferencedSOPInstanceUID = structures.SOPInstanceUID
    dose.ReferencedStructureSetSequence = [reference]
    return sent


def lps_at(page: Page, plane: Locator, x: float, y: float) -> tuple[Vectors, Vectors]:
    """The pixel of the viewport at a share of it, and the place of the patient there."""
    point_to(page, plane, x, y)
    box = plane.bounding_box()
    assert box is not None
    value = plane.get_by_test_id("cursor-value").get_attribute("data-lps") or ""
    return np.array([x * box["width"], y * box["height"]]), np.array(
        [float(one) for one in value.split()]
    )


def on_patient(page: Page, plane: Locator) -> NDArray[np.float64]:
    """The matrix from pixels (x, y, 1) of a viewport to the patient, by three places in it."""
    places = [lps_at(page, plane, x, y) for x, y in ((0.45, 0.45), (0.55, 0.47), (0.47, 0.56))]
    pixels = np.array([[*pixel, 1.0] for pixel, _ in places])
    return np.asarray(np.linalg.solve(pixels, np.array([lps for _, lps in places])))


def test_a_structure_is_cut_by_the_planes_as_thick_as_its_contours_stand_for(
    node: Node, page: Page
) -> None:
    page.set_viewport_size({"width": 1600, "height": 1000})
    opened(page, node, store(node, fresh_plan()))
    page.keyboard.press("m")
    steep = 0
    for name in ("axial", "sagittal", "coronal"):
        plane = page.locator(f'[data-testid=viewport][data-view="{name}"]')
        expect(plane).to_have_attribute("data-loaded", "all")
        contour = plane.get_by_test_id("contour")
        expect(contour).to_have_attribute("data-roi", "Ball")
        matrix = on_patient(page, plane)
        path = contour.get_attribute("d") or ""
        pieces = np.array(re.findall(r"M([-\d.]+) ([-\d.]+)L([-\d.]+) ([-\d.]+)", path), float)
        assert len(pieces) > 20
        ends = [np.c_[pieces[:, at : at + 2], np.ones(len(pieces))] @ matrix for at in (0, 2)]
        # Across, down and through the images, mm from the middle of the ball.
        first, last = (np.asarray((end - _BALL) @ _IMAGES) for end in ends)
        heights = np.concatenate([first[:, 2], last[:, 2]])
        # Contours at 2 to 14, each of which stands for 2.5 mm.
        assert np.abs(heights).max() <= 16.25 + 0.3
        sides = np.abs(first[:, 2] - last[:, 2]) > 0.05
        middle = ((first + last) / 2)[sides]
        radius = [_RADII[round(height / 2.5) + 8] for height in middle[:, 2]]
        assert np.hypot(middle[:, 0], middle[:, 1]) == pytest.approx(np.array(radius), abs=0.6)
        steep += int(sides.sum())
    assert steep > 60
    page.get_by_test_id("roi-toggle").uncheck()
    expect(page.get_by_test_id("plane-contours")).to_have_count(0)


def test_doses_of_two_plans_add_up_and_those_of_two_kinds_do_not(node: Node, page: Page) -> None:
    sent = fresh_plan()
    images = [one for one in sent if one.Modality == "CT"]
    sent += second_dose(images[0])
    sent += second_dose(images[0], "EFFECTIVE")
    opened(page, node, store(node, sent))
    viewport = page.get_by_test_id("viewport").first
    page.get_by_test_id("dose-choice").select_option(label="PLAN, Boost")
    page.get_by_test_id("dose-sum").locator("summary").click()
    part = page.get_by_test_id("dose-sum").get_by_label("PLAN, Main")
    part.check()
    words = page.get_by_test_id("sum-words")
    expect(words).to_contain_text("PLAN, Boost + PLAN, Main: physical doses, Gy")
    expect(page.get_by_test_id("dose-choice")).to_have_value("sum")
    place = int(viewport.get_attribute("data-slice-number") or 0) - 1
    for x, y in ((0.5, 0.5), (0.4, 0.45), (0.56, 0.62)):
        column, row = point_to(page, viewport, x, y)
        point = image_point(column, row, place)
        expected = float(true_dose(point)) + slope(point)
        shown = viewport.get_by_test_id("cursor-dose").inner_text()
        # The finest grid keeps the curve of the other between its points, and straightens its own.
        assert float(shown.strip(" ·Gy")) == pytest.approx(expected, abs=0.05)
    # 100 % is the maximum: two prescriptions make none.
    expect(page.get_by_test_id("dose-reference")).not_to_have_value("50")
    part.uncheck()
    expect(words).to_have_count(0)
    page.get_by_test_id("dose-sum").get_by_label("PLAN, Protons").check()
    expect(page.get_by_test_id("sum-obstacle")).to_contain_text("physical and effective")
    expect(viewport.get_by_test_id("dose-wash")).to_have_count(0)


def test_a_stored_histogram_stands_beside_the_one_that_is_calculated(
    node: Node, page: Page
) -> None:
    page.set_viewport_size({"width": 1600, "height": 1000})
    opened(page, node, store(node, with_histograms(fresh_plan())))
    page.get_by_test_id("dose-choice").select_option(label="PLAN, Boost")
    page.get_by_test_id("open-histogram").click()
    stored = page.get_by_test_id("stored-row")
    expect(stored).to_have_count(1)
    expect(stored).to_contain_text("as stored")
    doses = ball_doses()

    def numbers(row: Locator) -> list[str]:
        cells = row.locator("td")
        return [cells.nth(at).get_attribute("data-value") or "" for at in range(8)]

    volume, least, mean, most, d98, _, d50, d2 = numbers(stored)
    # What the file does not state is not made up.
    assert (least, most) == ("", "")
    assert float(volume) == 40.0
    assert float(mean) == pytest.approx(float(doses.mean()), abs=0.001)
    for value, percentile in ((d98, 2), (d50, 50), (d2, 98)):
        assert float(value) == pytest.approx(float(np.percentile(doses, percentile)), abs=0.3)
    calculated = numbers(page.get_by_test_id("histogram-row"))
    assert float(calculated[6]) == pytest.approx(float(d50), abs=0.5)
    curve = page.get_by_test_id("stored-curve")
    expect(curve).to_have_attribute("stroke-dasharray", "6 4")
    own = page.get_by_test_id("histogram-curve").bounding_box()
    box = curve.bounding_box()
    assert own is not None
    assert box is not None
    assert box["height"] == pytest.approx(own["height"], abs=3)
    expect(page.get_by_test_id("histogram")).to_contain_text("One more histogram in the file")
    page.get_by_test_id("histogram-row").get_by_role("checkbox").uncheck()
    expect(curve).to_have_count(0)
