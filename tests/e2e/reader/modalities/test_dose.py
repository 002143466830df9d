"""A person looks at a radiotherapy dose: over tilted images, at the pointer, and as histograms."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Page, expect
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    RTDoseStorage,
    RTPlanStorage,
    RTStructureSetStorage,
    generate_uid,
)
from pydicom.valuerep import format_number_as_ds
from scipy.ndimage import map_coordinates

from tests import builders
from tests.e2e.support.browser import chromium
from tests.e2e.support.node import Node
from tests.e2e.support.pointing import point_to, seen
from tests.e2e.support.studies import storescu
from tests.patience import PATIENCE_S

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(300)]

Vectors = NDArray[np.float64]

# The images are tilted about all axes and their pixels are not square; the grid lies otherwise.
_IMAGES = builders.rotation(8, -6, 20)
_IMAGE_ORIGIN = np.array([-40.0, -45.0, -20.0])
_IMAGE_SPACING = (2.5, 1.5, 1.0)
_GRID = builders.rotation(-5, 4, -10)
_GRID_ORIGIN = np.array([-70.0, -75.0, 45.0])
# Columns, rows, planes; the planes go down, and the last gap is another one.
_GRID_SPACING = (4.0, 3.0)
_OFFSETS = -np.array([*range(0, 90, 3), 92.0])
_SCALING = 1e-4
_PRESCRIBED_GY = 50.0


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium() as page:
        yield page


def hot_spot(points: Vectors) -> Vectors:
    """The dose in Gy at points of the patient, shape (…, 3): a hill and a slope."""
    distance = ((points - np.array([0.0, 5.0, -2.0])) ** 2 / np.array([900.0, 500.0, 700.0])).sum(
        -1
    )
    return np.asarray(55.0 * np.exp(-distance) + 0.02 * (points[..., 0] + 100.0))


def grid_values() -> NDArray[np.uint32]:
    """Stored values, shape (planes, rows, columns)."""
    k, j, i = np.meshgrid(_OFFSETS, np.arange(50), np.arange(36), indexing="ij")
    points = (
        _GRID_ORIGIN
        + i[..., None] * _GRID_SPACING[0] * _GRID[:, 0]
        + j[..., None] * _GRID_SPACING[1] * _GRID[:, 1]
        + k[..., None] * _GRID[:, 2]
    )
    return np.round(hot_spot(points) / _SCALING).astype(np.uint32)


def true_dose(points: Vectors) -> Vectors:
    """The dose at points of the patient as scipy interpolates the stored values; NaN outside."""
    stored = grid_values()[::-1]
    heights = _OFFSETS[::-1]
    local = (points - _GRID_ORIGIN) @ _GRID
    plane = np.interp(local[..., 2], heights, np.arange(len(heights)), left=-9, right=-9)
    index = np.stack([plane, local[..., 1] / _GRID_SPACING[1], local[..., 0] / _GRID_SPACING[0]])
    found = map_coordinates(
        stored.astype(np.float64), index.reshape(3, -1), order=1, cval=np.nan
    ).reshape(points.shape[:-1])
    return np.asarray(found * _SCALING)


def instance(sop_class: UID, like: Dataset, modality: str) -> Dataset:
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = sop_class
    made.SOPInstanceUID = made.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    made.SeriesInstanceUID, made.Modality = generate_uid(), modality
    for keyword in (
        "StudyInstanceUID",
        "PatientID",
        "PatientName",
        "PatientBirthDate",
        "StudyDate",
    ):
        setattr(made, keyword, like[keyword].value)
    made.FrameOfReferenceUID = like.FrameOfReferenceUID
    return made


def image_point(column: float, row: float, index: int) -> Vectors:
    slices, rows, columns = _IMAGE_SPACING
    return np.asarray(
        _IMAGE_ORIGIN
        + column * columns * _IMAGES[:, 0]
        + row * rows * _IMAGES[:, 1]
        + index * slices * _IMAGES[:, 2]
    )


def ring(index: int, radius_mm: float) -> Vectors:
    """A circle about the middle of an image, in the patient."""
    angles = np.linspace(0, 2 * np.pi, 120, endpoint=False)
    middle = image_point(40, 30, index)
    return np.asarray(
        middle
        + radius_mm * np.cos(angles)[:, None] * _IMAGES[:, 0]
        + radius_mm * np.sin(angles)[:, None] * _IMAGES[:, 1]
    )


_RADII = {index: float(np.sqrt(18.0**2 - ((index - 8) * 2.5) ** 2)) for index in range(2, 15)}


def plan() -> list[Dataset]:
    """Images, a ball drawn on them, a plan of 50 Gy, and its dose."""
    images = builders.series(
        np.full((17, 60, 80), 1024, np.int16),
        modality="CT",
        spacing_mm=_IMAGE_SPACING,
        directions=_IMAGES,
        origin_mm=list(_IMAGE_ORIGIN),
        intercept=-1024.0,
        seed=930,
        PatientID="READS-DOSE",
        StudyInstanceUID=generate_uid(),
        WindowCenter="40",
        WindowWidth="400",
    )
    structures = instance(RTStructureSetStorage, images[0], "RTSTRUCT")
    structures.StructureSetLabel = "Plan"
    roi, drawn = Dataset(), Dataset()
    roi.ROINumber, roi.ROIName = 1, "Ball"
    roi.ReferencedFrameOfReferenceUID = images[0].FrameOfReferenceUID
    drawn.ReferencedROINumber, drawn.ROIDisplayColor, drawn.ContourSequence = 1, [0, 255, 0], []
    for index, radius in _RADII.items():
        contour = Dataset()
        points = ring(index, radius)
        contour.ContourGeometricType = "CLOSED_PLANAR"
        contour.NumberOfContourPoints = len(points)
        contour.ContourData = [format_number_as_ds(float(value)) for value in points.ravel()]
        drawn.ContourSequence.append(contour)
    structures.StructureSetROISequence, structures.ROIContourSequence = [roi], [drawn]

    planned = instance(RTPlanStorage, images[0], "RTPLAN")
    planned.RTPlanLabel = "Boost"
    target = Dataset()
    target.DoseReferenceNumber, target.DoseReferenceType = 1, "TARGET"
    target.TargetPrescriptionDose = str(_PRESCRIBED_GY)
    planned.DoseReferenceSequence = [target]

    dose = instance(RTDoseStorage, images[0], "RTDOSE")
    values = grid_values()
    dose.DoseUnits, dose.DoseType, dose.DoseSummationType = "GY", "PHYSICAL", "PLAN"
    dose.NumberOfFrames, dose.Rows, dose.Columns = values.shape
    dose.FrameIncrementPointer = 0x3004000C
    dose.GridFrameOffsetVector = [format_number_as_ds(float(one)) for one in _OFFSETS]
    dose.DoseGridScaling = str(_SCALING)
    dose.ImagePositionPatient = [format_number_as_ds(float(one)) for one in _GRID_ORIGIN]
    dose.ImageOrientationPatient = [
        format_number_as_ds(float(one)) for one in (*_GRID[:, 0], *_GRID[:, 1])
    ]
    dose.PixelSpacing = [str(_GRID_SPACING[1]), str(_GRID_SPACING[0])]
    dose.SamplesPerPixel, dose.PhotometricInterpretation = 1, "MONOCHROME2"
    dose.BitsAllocated = dose.BitsStored = 32
    dose.HighBit, dose.PixelRepresentation = 31, 0
    dose.PixelData = values.astype("<u4").tobytes()
    dose["PixelData"].VR = "OW"
    reference = Dataset()
    reference.ReferencedSOPClassUID = planned.SOPClassUID
    reference.ReferencedSOPInstanceUID = planned.SOPInstanceUID
    dose.ReferencedRTPlanSequence = [reference]
    return [*images, structures, planned, dose]


def true_histogram() -> dict[str, float]:
    """What the ball gets, by numpy: points 0.5 mm apart in each slab of 2.5 mm."""
    doses = []
    across = np.arange(-18.0, 18.0, 0.5) + 0.25
    x, y = np.meshgrid(across, across)
    for index, radius in _RADII.items():
        inside = np.hypot(x, y) <= radius
        for part in (-1.0, -0.5, 0.0, 0.5, 1.0):
            points = (
                image_point(40, 30, index)
                + x[inside][:, None] * _IMAGES[:, 0]
                + y[inside][:, None] * _IMAGES[:, 1]
                + part * _IMAGES[:, 2]
            )
            doses.append(true_dose(points))
    all_doses = np.concatenate(doses)
    volume = sum(np.pi * radius**2 * 2.5 for radius in _RADII.values()) / 1000
    return {
        "ml": float(volume),
        "mean": float(all_doses.mean()),
        "D98": float(np.percentile(all_doses, 2)),
        "D50": float(np.percentile(all_doses, 50)),
        "D2": float(np.percentile(all_doses, 98)),
    }


def test_a_dose_lies_where_it_was_planned_and_is_counted_as_numpy_counts_it(
    node: Node, page: Page, tmp_path: Path
) -> None:
    sent = plan()
    builders.write(sent, tmp_path / "plan")
    assert storescu(tmp_path / "plan", node.dicom_port).returncode == 0
    uid = sent[0].StudyInstanceUID
    node.wait_for(
        lambda: node.get(f"/api/studies/{uid}")["instance_count"] == len(sent),
        "the plan to be there",
        PATIENCE_S,
    )
    page.set_viewport_size({"width": 1600, "height": 1000})
    page.goto(f"{node.url}/study/?study={uid}")
    viewport = page.get_by_test_id("viewport").first
    expect(viewport).to_have_attribute("data-image-rendered", "true")
    plain = seen(viewport)
    page.get_by_test_id("dose-choice").select_option(label="PLAN, Boost")
    expect(page.get_by_test_id("dose-reference")).to_have_value(str(int(_PRESCRIBED_GY)))
    expect(viewport.get_by_test_id("dose-wash")).to_be_attached()
    drawn = seen(viewport, unlike=plain)
    assert drawn.shape == plain.shape

    # What stands at the pointer is what scipy finds at that pixel of that slice.
    place = viewport.get_attribute("data-slice-number")
    for x, y in ((0.5, 0.5), (0.35, 0.4), (0.6, 0.7)):
        column, row = point_to(page, viewport, x, y)
        expected = float(true_dose(image_point(column, row, int(place or 0) - 1)))
        shown = viewport.get_by_test_id("cursor-dose")
        expect(shown).to_have_text(f" · {expected:.2f} Gy")

    # The hill is 50 Gy and more in its middle, and its lines lie within each other.
    widths = []
    for percent in (100, 90, 50):
        line = viewport.locator(f'[data-testid=isodose][data-percent="{percent}"]')
        box = line.bounding_box()
        assert box is not None
        widths.append(box["width"])
    assert widths == sorted(widths)

    page.get_by_test_id("open-histogram").click()
    cells = page.get_by_test_id("histogram-row").locator("td")
    expect(cells).to_have_count(8)
    found = [float(cells.nth(at).get_attribute("data-value") or "nan") for at in range(8)]
    volume, _, mean, _, d98, _, d50, d2 = found
    truth = true_histogram()
    assert volume == pytest.approx(truth["ml"], rel=0.005)
    assert mean == pytest.approx(truth["mean"], rel=0.003)
    for value, name in ((d98, "D98"), (d50, "D50"), (d2, "D2")):
        assert value == pytest.approx(truth[name], abs=0.15), name

    # In three planes, wherever they lie, it is the same dose.
    page.keyboard.press("Escape")
    expect(page.get_by_test_id("histogram")).to_have_count(0)
    page.keyboard.press("m")
    for name in ("axial", "coronal"):
        plane = page.locator(f'[data-testid=viewport][data-view="{name}"]')
        expect(plane).to_have_attribute("data-loaded", "all")
        expect(plane.get_by_test_id("dose-wash")).to_be_attached()
        for x, y in ((0.5, 0.5), (0.42, 0.58)):
            point_to(page, plane, x, y)
            value = plane.get_by_test_id("cursor-value")
            at = [float(one) for one in (value.get_attribute("data-lps") or "").split()]
            expected = float(true_dose(np.array(at)))
            shown = plane.get_by_test_id("cursor-dose").inner_text()
            assert float(shown.strip(" ·Gy")) == pytest.approx(expected, abs=0.011)
