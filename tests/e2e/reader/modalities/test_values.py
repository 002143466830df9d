"""What the screen says is true: the value under the pointer is pydicom's, and doubts are told."""

import io
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Page, expect
from pydicom.data import get_testdata_file
from pydicom.dataset import Dataset
from pydicom.pixels import apply_modality_lut
from pydicom.uid import PositronEmissionTomographyImageStorage, generate_uid

from tests.api.client import part10
from tests.builders import enhanced_mr, rotation, series, t1_head
from tests.e2e.support.browser import chromium
from tests.e2e.support.node import Node
from tests.e2e.support.pointing import point_to

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with chromium() as page:
        yield page


def image(**attributes: object) -> Dataset:
    """One image of 40 columns and 30 rows, 0.4 mm wide and 0.9 mm high each, of many values."""
    dataset = t1_head((3, 30, 40))[1]
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = generate_uid(), generate_uid()
    dataset.SOPInstanceUID = generate_uid()
    dataset.PixelSpacing = [0.9, 0.4]
    ramp = np.arange(30 * 40, dtype=np.int32).reshape(30, 40)
    signed = bool(attributes.pop("signed", False))
    dataset.PixelRepresentation = int(signed)
    dataset.PixelData = (
        (ramp * 13 - (6000 if signed else 0)).astype(np.int16 if signed else np.uint16).tobytes()
    )
    dataset.pop("SmallestImagePixelValue", None)
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def with_lut() -> Dataset:
    """A modality LUT instead of slope and intercept (PS3.3 C.11.1.1)."""
    dataset = image()
    for keyword in ("RescaleSlope", "RescaleIntercept", "RescaleType"):
        dataset.pop(keyword, None)
    dataset.BitsStored, dataset.HighBit = 12, 11
    dataset.PixelData = (np.arange(1200, dtype=np.uint16) * 3).tobytes()
    item = Dataset()
    item.LUTDescriptor = [4096, 0, 16]
    item.ModalityLUTType = "US"
    item.LUTData = (np.sqrt(np.arange(4096)) * 900).astype(np.uint16).tobytes()
    item["LUTDescriptor"].VR, item["LUTData"].VR = "US", "OW"
    dataset.ModalityLUTSequence = [item]
    return dataset


def color() -> Dataset:
    dataset = image(SamplesPerPixel=3, PhotometricInterpretation="RGB", PlanarConfiguration=0)
    for keyword in ("RescaleSlope", "RescaleIntercept", "RescaleType", "WindowCenter"):
        dataset.pop(keyword, None)
    dataset.pop("WindowWidth", None)
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
    dataset.PixelData = (np.arange(30 * 40 * 3, dtype=np.uint32) % 251).astype(np.uint8).tobytes()
    return dataset


def from_pydicom(name: str) -> Dataset:
    path = get_testdata_file(name)
    assert isinstance(path, str)
    dataset = pydicom.dcmread(Path(path))
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = generate_uid(), generate_uid()
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    return dataset


_CASES = {
    "unsigned": lambda: image(RescaleSlope=1, RescaleIntercept=0),
    "signed and rescaled": lambda: image(
        signed=True, RescaleSlope="0.5", RescaleIntercept="-1024.25"
    ),
    "MONOCHROME1": lambda: image(PhotometricInterpretation="MONOCHROME1"),
    "modality LUT": with_lut,
    "colour": color,
    "CT of pydicom": lambda: from_pydicom("CT_small.dcm"),
}


@pytest.mark.parametrize(
    "case",
    [
        pytest.param(
            case, marks=() if case in ("signed and rescaled", "MONOCHROME1") else pytest.mark.slow
        )
        for case in _CASES
    ],
)
def test_the_value_under_the_pointer_is_the_one_that_pydicom_reads(
    node: Node, page: Page, case: str
) -> None:
    dataset = _CASES[case]()
    body = part10(dataset)
    node.api.post(
        "/dicom-web/studies", content=body, headers={"Content-Type": "application/dicom"}
    ).raise_for_status()
    read = pydicom.dcmread(io.BytesIO(body))
    true: NDArray[np.generic] = apply_modality_lut(read.pixel_array, read)
    page.goto(f"{node.url}/study/?study={dataset.StudyInstanceUID}")
    viewport = page.get_by_test_id("viewport").first
    expect(viewport).to_have_attribute("data-image-rendered", "true", timeout=60_000)
    seen = set()
    for x, y in ((0.5, 0.5), (0.42, 0.3), (0.6, 0.71), (0.47, 0.62)):
        column, row = point_to(page, viewport, x, y)
        value = viewport.get_by_test_id("cursor-value")
        shown = [float(one) for one in (value.get_attribute("data-value") or "").split()]
        assert shown == pytest.approx(np.atleast_1d(true[row, column]).tolist(), abs=0.01)
        seen.add((column, row))
    assert len(seen) == 4


def pet(**attributes: object) -> Dataset:
    """A PET image in Bq/ml, given an hour before the scan, on the other side of midnight."""
    dataset = image(RescaleSlope="2.5", RescaleIntercept="0", Modality="PT", Units="BQML")
    dataset.SOPClassUID = PositronEmissionTomographyImageStorage
    dataset.DecayCorrection = "START"
    dataset.CorrectedImage = ["DECY", "ATTN"]
    dataset.SeriesDate, dataset.SeriesTime, dataset.PatientWeight = "20240302", "001500", "81.5"
    dataset.AcquisitionDate, dataset.AcquisitionTime = "20240302", "001730"
    drug = Dataset()
    drug.RadionuclideTotalDose, drug.RadionuclideHalfLife = "370000000", "6586.2"
    drug.RadiopharmaceuticalStartDateTime = "20240301231500"
    dataset.RadiopharmaceuticalInformationSequence = [drug]
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


@pytest.mark.parametrize(
    ("attributes", "factor"),
    [
        ({}, 81_500 / (370e6 * 0.5 ** (3600 / 6586.2))),
        pytest.param({"DecayCorrection": "ADMIN"}, 81_500 / 370e6, marks=pytest.mark.slow),
        pytest.param({"Units": "GML"}, 1.0, marks=pytest.mark.slow),
        pytest.param({"Units": "CNTS"}, None, marks=pytest.mark.slow),
        ({"PatientWeight": None}, None),
    ],
    ids=["decays", "corrected to the injection", "SUV itself", "counts", "no weight"],
)
def test_a_pet_tells_the_uptake_where_its_header_allows(
    node: Node, page: Page, attributes: dict[str, object], factor: float | None
) -> None:
    dataset = pet(**attributes)
    body = part10(dataset)
    node.api.post(
        "/dicom-web/studies", content=body, headers={"Content-Type": "application/dicom"}
    ).raise_for_status()
    true = 2.5 * pydicom.dcmread(io.BytesIO(body)).pixel_array
    page.goto(f"{node.url}/study/?study={dataset.StudyInstanceUID}")
    viewport = page.get_by_test_id("viewport").first
    expect(viewport).to_have_attribute("data-image-rendered", "true", timeout=60_000)
    column, row = point_to(page, viewport, 0.46, 0.61)
    text = viewport.get_by_test_id("cursor-value").inner_text()
    uptakes = re.findall(r"SUV ([\d.,]+)", text)
    if factor is None:
        assert uptakes == []
    else:
        uptake = float(uptakes[0].replace(",", ""))
        assert uptake == pytest.approx(true[row, column] * factor, abs=0.006)


def test_frames_of_an_enhanced_image_are_ordered_in_space_and_cut_in_three_planes(
    node: Node, page: Page
) -> None:
    slices, rows, columns = 9, 20, 30
    # Each voxel has a value of its own, of which its place can be told.
    voxels = np.arange(slices * rows * columns, dtype=np.int16).reshape(slices, rows, columns)
    oblique = rotation(10, -15, 20)
    classic = series(voxels, directions=oblique, slope=2.0, intercept=-1000.0, seed=71)
    frame_order = (3, 8, 0, 5, 1, 7, 2, 6, 4)
    dataset = enhanced_mr(classic, frame_order)
    node.api.post(
        "/dicom-web/studies", content=part10(dataset), headers={"Content-Type": "application/dicom"}
    ).raise_for_status()
    page.goto(f"{node.url}/study/?study={dataset.StudyInstanceUID}")
    viewport = page.get_by_test_id("viewport").first
    expect(viewport).to_have_attribute("data-image-rendered", "true", timeout=60_000)
    page.keyboard.press("Home")
    for number in (1, 2, 3):
        expect(viewport).to_have_attribute("data-slice-number", str(number))
        expect(viewport).to_have_attribute("data-image-rendered", "true")
        column, row = point_to(page, viewport, 0.4 + 0.05 * number, 0.55)
        value = viewport.get_by_test_id("cursor-value")
        expect(value).to_have_attribute(
            "data-value", f"{2 * int(voxels[number - 1, row, column]) - 1000}"
        )
        page.keyboard.press("ArrowDown")
    page.get_by_test_id("mpr-toggle").click()
    for plane in ("axial", "sagittal", "coronal"):
        view = page.locator(f"[data-view={plane}]")
        expect(view).to_have_attribute("data-image-rendered", "true", timeout=60_000)
        expect(view).to_have_attribute("data-loaded", "all")
        column, row = point_to(page, view, 0.48, 0.52)
        value = view.get_by_test_id("cursor-value")
        stored = (float(value.get_attribute("data-value") or "nan") + 1000) / 2
        _, j, i = np.unravel_index(int(stored), voxels.shape)
        assert (i, j) == (column, row)


@pytest.mark.parametrize(
    ("attributes", "warning"),
    [
        ({"PixelSpacing": None}, "No pixel spacing: lengths in pixels"),
        (
            {"LossyImageCompression": "01", "LossyImageCompressionRatio": "9.97"},
            "Lossy compression, 9.97 : 1",
        ),
    ],
)
def test_what_is_missing_or_was_lost_is_said(
    node: Node, page: Page, attributes: dict[str, object], warning: str
) -> None:
    dataset = image(**attributes)
    if dataset.get("PixelSpacing") is None:
        del dataset.PixelSpacing
    node.api.post(
        "/dicom-web/studies",
        content=part10(dataset),
        headers={"Content-Type": "application/dicom"},
    ).raise_for_status()
    page.goto(f"{node.url}/study/?study={dataset.StudyInstanceUID}")
    viewport = page.get_by_test_id("viewport").first
    expect(viewport.get_by_test_id("image-warning").filter(has_text=warning)).to_be_visible()
    if "PixelSpacing" in attributes:
        expect(viewport.get_by_test_id("scale-bar")).to_have_count(0)
