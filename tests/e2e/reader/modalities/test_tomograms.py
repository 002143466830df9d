"""A person looks at tomograms of a retina beside the photograph that they were taken on."""

from collections.abc import Iterator

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import (
    UID,
    ExplicitVRLittleEndian,
    OphthalmicPhotography8BitImageStorage,
    OphthalmicTomographyImageStorage,
    generate_uid,
)

from tests.e2e.support.browser import chromium
from tests.e2e.support.node import Node
from tests.e2e.support.opening import opened, store

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(300)]

_SIDE = 200
# Row and column of both ends of each scan on the photograph.
_SCANS = [(60.0 + 20 * number, 40.0, 70.0 + 20 * number, 160.0) for number in range(4)]


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium() as page:
        yield page


def image(sop_class: UID, study: str, modality: str, number: int) -> Dataset:
    made = Dataset()
    made.file_meta = FileMetaDataset()
    made.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    made.SOPClassUID = made.file_meta.MediaStorageSOPClassUID = sop_class
    made.SOPInstanceUID = made.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    made.StudyInstanceUID, made.SeriesInstanceUID = study, generate_uid()
    made.PatientID, made.PatientName, made.StudyDate = "READS-OCT", "Eye^One", "20240501"
    made.Modality, made.SeriesNumber, made.InstanceNumber = modality, number, 1
    made.ImageLaterality = "R"
    made.BitsAllocated = made.BitsStored = 8
    made.HighBit, made.PixelRepresentation = 7, 0
    return made


def eye() -> list[Dataset]:
    study = generate_uid()
    photograph = image(OphthalmicPhotography8BitImageStorage, study, "OP", 1)
    photograph.Rows = photograph.Columns = _SIDE
    photograph.SamplesPerPixel, photograph.PhotometricInterpretation = 3, "RGB"
    photograph.PlanarConfiguration = 0
    photograph.PixelData = np.full((_SIDE, _SIDE, 3), (150, 60, 30), np.uint8).tobytes()
    photograph["PixelData"].VR = "OB"
    tomogram = image(OphthalmicTomographyImageStorage, study, "OPT", 2)
    tomogram.Rows, tomogram.Columns, tomogram.NumberOfFrames = 64, 120, len(_SCANS)
    tomogram.SamplesPerPixel, tomogram.PhotometricInterpretation = 1, "MONOCHROME2"
    frames = np.zeros((len(_SCANS), 64, 120), np.uint8)
    for number in range(len(_SCANS)):
        frames[number, 20 + 5 * number : 26 + 5 * number] = 200
    tomogram.PixelData = frames.tobytes()
    tomogram["PixelData"].VR = "OB"
    shared, measures = Dataset(), Dataset()
    measures.PixelSpacing, measures.SliceThickness = [0.004, 0.01], 0.1
    shared.PixelMeasuresSequence = [measures]
    tomogram.SharedFunctionalGroupsSequence = [shared]
    tomogram.PerFrameFunctionalGroupsSequence = []
    for scan in _SCANS:
        group, location = Dataset(), Dataset()
        location.ReferencedSOPClassUID = photograph.SOPClassUID
        location.ReferencedSOPInstanceUID = photograph.SOPInstanceUID
        location.ReferenceCoordinates = list(scan)
        location.OphthalmicImageOrientation = "LINEAR"
        group.OphthalmicFrameLocationSequence = [location]
        tomogram.PerFrameFunctionalGroupsSequence.append(group)
    return [photograph, tomogram]


def test_the_photograph_shows_where_the_frame_beside_it_was_taken(node: Node, page: Page) -> None:
    opened(page, node, store(node, eye()))
    buttons = page.get_by_test_id("series-button")
    buttons.filter(has_text="OPT").click()
    page.get_by_label("Rows and columns").select_option(label="1 × 2")
    viewports = page.get_by_test_id("viewport")
    expect(viewports).to_have_count(2)
    photograph = viewports.nth(1)
    for index in range(2):
        expect(viewports.nth(index)).to_have_attribute("data-image-rendered", "true")
    line = photograph.get_by_test_id("localizer")
    expect(line).to_have_count(1)
    expect(viewports.nth(0).get_by_test_id("localizer")).to_have_count(0)
    viewports.nth(0).focus()
    page.keyboard.press("Home")
    for number, (row, column, last_row, last_column) in enumerate(_SCANS):
        expect(viewports.nth(0)).to_have_attribute("data-slice-number", str(number + 1))
        box = photograph.bounding_box()
        assert box is not None
        size = min(box["width"], box["height"])
        # The photograph is square, and in the middle of its viewport.
        expected = [
            (
                box["width"] / 2 + (x / _SIDE - 0.5) * size,
                box["height"] / 2 + (y / _SIDE - 0.5) * size,
            )
            for x, y in ((column, row), (last_column, last_row))
        ]
        path = (line.get_attribute("d") or "").lstrip("M").split("L")
        ends = [[float(one) for one in end.split()] for end in path]
        assert np.array(ends) == pytest.approx(np.array(expected), abs=1.0)
        page.keyboard.press("ArrowDown")
