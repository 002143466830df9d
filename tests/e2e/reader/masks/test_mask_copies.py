"""A person goes on with a segmentation of others as a copy, and sees which of very many lack."""

from collections.abc import Iterator
from pathlib import Path

import highdicom as hd
import numpy as np
import pytest
from playwright.sync_api import Page, expect
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid

from tests import builders
from tests.e2e.reader.masks.test_foreign_masks import _RADIUS_MM, images, segmentation
from tests.e2e.support.browser import chromium
from tests.e2e.support.node import Node
from tests.e2e.support.studies import storescu
from tests.patience import PATIENCE_S

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium() as page:
        yield page


def opened(node: Node, page: Page, folder: Path, sent: list[Dataset]) -> str:
    builders.write(sent, folder)
    assert storescu(folder, node.dicom_port).returncode == 0
    uid = str(sent[0].StudyInstanceUID)
    node.wait_for(
        lambda: node.get(f"/api/studies/{uid}")["instance_count"] == len(sent),
        "the study to be there",
        PATIENCE_S,
    )
    page.goto(f"{node.url}/study/?study={uid}")
    expect(page.get_by_test_id("viewport").first).to_have_attribute("data-mask-loaded", "true")
    return uid


def test_a_copy_is_saved_as_ones_own_and_the_original_stays(
    node: Node, page: Page, tmp_path: Path
) -> None:
    of = images(981)
    foreign = segmentation(of, builders.rotation(20, -15, 30), "Foreign ball", fractional=False)
    uid = opened(node, page, tmp_path / "sent", [*of, foreign])
    page.get_by_test_id("copy-mask").click()
    drawing = page.get_by_test_id("drawing")
    expect(drawing).to_contain_text("Foreign ball")
    page.get_by_test_id("save-drawing").click()
    expect(page.get_by_test_id("draw-notice")).to_contain_text("Saved as version 1")
    (saved,) = node.get(f"/api/studies/{uid}/segmentations")["items"]
    assert saved["replaces"] == []
    assert [one["label"] for one in saved["segments"]] == ["Foreign ball"]
    # Counted from the file that the node wrote: 1.5 mm³ a voxel, 12 mm of radius.
    found = node.api.get(
        f"/dicom-web/studies/{uid}/instances?SOPInstanceUID={saved['sop_instance_uid']}"
    ).json()
    series = found[0]["0020000E"]["Value"][0]
    answer = node.api.get(
        f"/dicom-web/wado?requestType=WADO&studyUID={uid}&seriesUID={series}"
        f"&objectUID={saved['sop_instance_uid']}&contentType=application/dicom"
    )
    path = tmp_path / "saved.dcm"
    path.write_bytes(answer.content)
    mask = hd.seg.segread(path)
    pixels = np.asarray(mask.pixel_array)
    volume_mm3 = float((pixels > 0).sum()) * 1.5
    assert volume_mm3 == pytest.approx(4 / 3 * np.pi * _RADIUS_MM**3, rel=0.05)
    # The sender's is drawn beside it again.
    expect(page.get_by_test_id("mask")).to_have_count(2)
    instances = node.get(f"/api/studies/{uid}")["instance_count"]
    assert instances == len(of) + 2


def test_of_more_than_eight_segments_over_each_other_the_rest_is_named(
    node: Node, page: Page, tmp_path: Path
) -> None:
    of = images(982)
    first = segmentation(of, np.eye(3), "Layer 1", fractional=False)
    shape = (first.NumberOfFrames, first.Rows, first.Columns)
    k, j, i = np.indices((20, 30, 36))
    pixels = np.stack(
        [
            (np.abs(k - 10) < 4) & (np.abs(j - 15) < 4 + one) & (np.abs(i - 18) < 5)
            for one in range(10)
        ],
        axis=-1,
    ).astype(np.uint8)
    assert shape[1:] == pixels.shape[1:3]
    descriptions = [
        hd.seg.SegmentDescription(
            segment_number=number,
            segment_label=f"Layer {number}",
            segmented_property_category=codes.SCT.Organ,
            segmented_property_type=codes.SCT.Liver,
            algorithm_type="MANUAL",
        )
        for number in range(1, 11)
    ]
    spacing, origin = (2.4, 1.7, 1.3), np.array([-23.0, -25.0, -23.0])
    overlapping = hd.seg.Segmentation(
        source_images=of,
        pixel_array=pixels,
        segmentation_type=hd.seg.SegmentationTypeValues.BINARY,
        segment_descriptions=descriptions,
        series_instance_uid=generate_uid(),
        series_number=301,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="Another",
        manufacturer_model_name="Another",
        software_versions="1",
        device_serial_number="1",
        pixel_measures=hd.PixelMeasuresSequence(
            pixel_spacing=spacing[1:], slice_thickness=2.4, spacing_between_slices=2.4
        ),
        plane_orientation=hd.PlaneOrientationSequence("PATIENT", [1.0, 0, 0, 0, 1, 0]),
        plane_positions=[
            hd.PlanePositionSequence("PATIENT", origin + np.array([0, 0, plane * 2.4]))
            for plane in range(20)
        ],
    )
    opened(node, page, tmp_path / "sent", [*of, overlapping])
    note = page.get_by_test_id("mask-note").last
    expect(note).to_contain_text("Not drawn: Layer 9, Layer 10. More than 8 segments")
