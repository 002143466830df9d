"""Values and pictures of pixels that older devices write: as pydicom reads them."""

import base64
import io
import re
from collections.abc import Callable

import numpy as np
import pydicom
import pytest
from imagecodecs import jpeg2k_encode, jpeg8_encode
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Locator, Page, expect
from pydicom.dataset import Dataset
from pydicom.encaps import encapsulate
from pydicom.pixels import apply_modality_lut
from pydicom.uid import JPEG2000Lossless, JPEGBaseline8Bit, generate_uid

from tests.api.access.closed import PASSWORD, ClosedNode
from tests.api.client import part10
from tests.builders import t1_head
from tests.e2e.support.guarded import sign_in
from tests.e2e.support.pointing import point_to

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]
ROWS, COLUMNS = 30, 40


def image(cells: NDArray[np.integer], **attributes: object) -> Dataset:
    """One image of 12 bits in cells of 16, in a study of its own."""
    dataset = t1_head((3, ROWS, COLUMNS))[1]
    dataset.StudyInstanceUID, dataset.SeriesInstanceUID = generate_uid(), generate_uid()
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    for keyword in ("SmallestImagePixelValue", "WindowCenter", "WindowWidth"):
        dataset.pop(keyword, None)
    for keyword in ("RescaleSlope", "RescaleIntercept", "RescaleType"):
        dataset.pop(keyword, None)
    dataset.BitsStored, dataset.HighBit = 12, 11
    dataset.PixelRepresentation = int(cells.dtype.kind == "i")
    dataset.PixelData = cells.tobytes()
    for keyword, value in attributes.items():
        setattr(dataset, keyword, value)
    return dataset


def ramp() -> NDArray[np.int64]:
    return np.arange(ROWS * COLUMNS).reshape(ROWS, COLUMNS)


def overlays() -> dict[int, NDArray[np.bool_]]:
    """By position in the cell: a frame of one pixel, and a diagonal."""
    frame = np.zeros((ROWS, COLUMNS), bool)
    frame[0], frame[-1], frame[:, 0], frame[:, -1] = True, True, True, True
    return {13: frame, 15: np.eye(ROWS, COLUMNS, dtype=bool)}


def with_overlays(*, signed: bool) -> tuple[Dataset, NDArray[np.float64]]:
    """Two overlays in the bits above the value, which stays as it is (PS3.5 8.1.2)."""
    values = ramp() * 3 - (1800 if signed else 0)
    cells = values & 0x0FFF
    for position, bits in overlays().items():
        cells = cells | (bits.astype(np.int64) << position)
    dataset = image(
        cells.astype(np.uint16).view(np.int16 if signed else np.uint16),
        RescaleSlope="0.5",
        RescaleIntercept="-1024",
        WindowCenter="-500",
        WindowWidth="2000",
    )
    for group, position in zip((0x6000, 0x6004), overlays(), strict=True):
        dataset.add_new((group, 0x0010), "US", ROWS)
        dataset.add_new((group, 0x0011), "US", COLUMNS)
        dataset.add_new((group, 0x0040), "CS", "G")
        dataset.add_new((group, 0x0050), "SS", [1, 1])
        dataset.add_new((group, 0x0100), "US", 16)
        dataset.add_new((group, 0x0102), "US", position)
    return dataset, values * 0.5 - 1024


def lut_of(first: int, values: NDArray[np.integer], bits: int, vr: str) -> Dataset:
    item = Dataset()
    item.add_new("LUTDescriptor", vr, [len(values), first, bits])
    item.ModalityLUTType = "US"
    item.add_new("LUTData", "OW", values.tobytes())
    return item


def signed_with_lut() -> tuple[Dataset, NDArray[np.float64]]:
    """The table begins at a negative value."""
    dataset = image((ramp() - 600).astype(np.int16))
    table = (np.sqrt(np.arange(1200)) * 900).astype(np.uint16)
    dataset.ModalityLUTSequence = [lut_of(-600, table, 16, "SS")]
    return dataset, table[ramp()].astype(float)


def with_lut_of_bytes() -> tuple[Dataset, NDArray[np.float64]]:
    """250 entries of 8 bits, a byte each; values above them have the last."""
    values = ramp() % 256
    dataset = image(values.astype(np.uint16))
    table = (255 - np.arange(250)).astype(np.uint8)
    dataset.ModalityLUTSequence = [lut_of(0, table, 8, "US")]
    return dataset, table[np.minimum(values, 249)].astype(float)


def mapped_over_lut() -> tuple[Dataset, NDArray[np.float64]]:
    """A map of stored values says nothing of those that a table has given."""
    dataset, values = with_lut_of_bytes()
    units = Dataset()
    units.CodeValue, units.CodingSchemeDesignator, units.CodeMeaning = "mm2/s", "UCUM", "mm2/s"
    item = Dataset()
    item.RealWorldValueFirstValueMapped, item.RealWorldValueLastValueMapped = 0, 4095
    item["RealWorldValueFirstValueMapped"].VR = "US"
    item["RealWorldValueLastValueMapped"].VR = "US"
    item.RealWorldValueSlope, item.RealWorldValueIntercept = 0.001, 0.0
    item.LUTLabel, item.LUTExplanation = "ADC", "ADC"
    item.MeasurementUnitsCodeSequence = [units]
    dataset.RealWorldValueMappingSequence = [item]
    return dataset, values


def of_other_sign(*, signed: bool) -> tuple[Dataset, NDArray[np.float64]]:
    """JPEG 2000 whose codestream states the other sign than the header (ISO/IEC 15444-1 A.5.1)."""
    values = ramp() * 3 - (1800 if signed else 0)
    dataset = image(
        values.astype(np.int16 if signed else np.uint16),
        RescaleSlope="0.5",
        RescaleIntercept="-1024",
        WindowCenter="-500",
        WindowWidth="2000",
    )
    cells = (values & 0x0FFF).astype(np.uint16)
    if not signed:
        cells = ((values & 0x0FFF) << 4).astype(np.uint16).view(np.int16) >> 4
    encoded = jpeg2k_encode(cells, level=0, codecformat="J2K", bitspersample=12, resolutions=3)
    dataset.PixelData = encapsulate([encoded])
    dataset["PixelData"].VR = "OB"
    dataset.file_meta.TransferSyntaxUID = JPEG2000Lossless
    return dataset, values * 0.5 - 1024


def rgb_without_marker() -> tuple[Dataset, NDArray[np.uint8]]:
    """JPEG of red, green and blue of which the codestream does not say that they are."""
    colors = np.zeros((ROWS + 2, COLUMNS, 3), np.uint8)
    colors[...] = (200, 60, 120)
    encoded = bytearray(
        jpeg8_encode(colors, level=95, colorspace="RGB", outcolorspace="RGB", subsampling="444")
    )
    # Without Adobe's marker, and the components by numbers instead of R, G and B.
    adobe = encoded.find(b"\xff\xee")
    if adobe >= 0:
        del encoded[adobe : adobe + 2 + int.from_bytes(encoded[adobe + 2 : adobe + 4], "big")]
    frame, scan = encoded.index(b"\xff\xc0"), encoded.index(b"\xff\xda")
    for number in range(3):
        encoded[frame + 10 + 3 * number] = encoded[scan + 5 + 2 * number] = number + 1
    dataset = image(ramp().astype(np.uint16))
    for keyword in ("WindowCenter", "WindowWidth"):
        dataset.pop(keyword, None)
    dataset.Rows, dataset.SamplesPerPixel, dataset.PlanarConfiguration = ROWS + 2, 3, 0
    dataset.PhotometricInterpretation = "RGB"
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = 8, 8, 7
    dataset.PixelData = encapsulate([bytes(encoded)])
    dataset["PixelData"].VR = "OB"
    dataset.file_meta.TransferSyntaxUID = JPEGBaseline8Bit
    return dataset, colors


@pytest.fixture
def reader(guarded: ClosedNode) -> ClosedNode:
    guarded.storage.accounts.add("ada", PASSWORD, ["radiologist"])
    return guarded


def open_image(page: Page, node: ClosedNode, dataset: Dataset) -> Locator:
    node.storage.ingest.accept(part10(dataset), "test")
    address = f"/study/?study={dataset.StudyInstanceUID}"
    if page.url.startswith(node.url):
        page.goto(node.url + address)
    else:
        sign_in(page, node, "ada", address)
    viewport = page.get_by_test_id("viewport").first
    expect(viewport).to_have_attribute("data-image-rendered", "true", timeout=60_000)
    return viewport


CASES: dict[str, Callable[[], tuple[Dataset, NDArray[np.float64]]]] = {
    "overlays in the pixels": lambda: with_overlays(signed=False),
    "overlays in signed pixels": lambda: with_overlays(signed=True),
    "a table from a negative value": signed_with_lut,
    "a table of bytes": with_lut_of_bytes,
    "a map over a table": mapped_over_lut,
    "a signed header over a codestream without sign": lambda: of_other_sign(signed=True),
    "a header without sign over a signed codestream": lambda: of_other_sign(signed=False),
}


def test_values_are_those_of_the_stored_bits_and_of_tables(
    reader: ClosedNode, guarded_page: Page
) -> None:
    page = guarded_page
    for name, made in CASES.items():
        dataset, true = made()
        viewport = open_image(page, reader, dataset)
        for x, y in ((0.42, 0.3), (0.5, 0.5), (0.56, 0.71)):
            column, row = point_to(page, viewport, x, y)
            value = viewport.get_by_test_id("cursor-value")
            shown = float(value.get_attribute("data-value") or "nan")
            assert shown == pytest.approx(true[row, column], abs=0.01), name
            assert "mm²/s" not in value.inner_text(), name
        # pydicom takes the entries of 8 bits for words.
        if "ModalityLUTSequence" in dataset and dataset.ModalityLUTSequence[0].LUTDescriptor[2] > 8:
            read = pydicom.dcmread(io.BytesIO(part10(dataset)))
            np.testing.assert_allclose(apply_modality_lut(read.pixel_array, read), true)


def test_colors_are_those_that_the_header_states(reader: ClosedNode, guarded_page: Page) -> None:
    dataset, colors = rgb_without_marker()
    read = pydicom.dcmread(io.BytesIO(part10(dataset))).pixel_array
    np.testing.assert_allclose(read, colors, atol=6)
    viewport = open_image(guarded_page, reader, dataset)
    column, row = point_to(guarded_page, viewport, 0.5, 0.5)
    text = viewport.get_by_test_id("cursor-value").inner_text()
    shown = [int(one) for one in re.findall(r"\d+", text.partition(":")[2])]
    assert shown == read[row, column].tolist()


def test_overlays_in_bits_of_the_pixels_are_drawn(reader: ClosedNode, guarded_page: Page) -> None:
    page = guarded_page
    for signed in (False, True):
        dataset, _ = with_overlays(signed=signed)
        viewport = open_image(page, reader, dataset)
        planes = viewport.get_by_test_id("overlay-plane")
        expect(planes).to_have_count(2)
        for plane, bits in zip(planes.all(), overlays().values(), strict=True):
            _, _, png = (plane.get_attribute("href") or "").partition("base64,")
            drawn = np.asarray(Image.open(io.BytesIO(base64.b64decode(png))).convert("RGBA"))
            np.testing.assert_array_equal(drawn[..., 3] > 0, bits)
        expect(viewport.get_by_test_id("image-warning")).to_have_count(0)
        page.keyboard.press("Shift+O")
        expect(planes).to_have_count(0)
        page.keyboard.press("Shift+O")
        expect(planes).to_have_count(2)
