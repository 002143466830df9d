"""A person opens segmentations of others: oblique, of another matrix, or of fractions."""

from collections.abc import Iterator
from pathlib import Path

import highdicom as hd
import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Page, expect
from pydicom.dataset import Dataset
from pydicom.sr.codedict import codes
from pydicom.uid import generate_uid

from tests import builders
from tests.e2e.support.browser import chromium
from tests.e2e.support.node import Node
from tests.e2e.support.pointing import seen
from tests.e2e.support.studies import storescu
from tests.patience import PATIENCE_S

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(300)]

_RADIUS_MM = 12.0
_SIDE = 64
_SEG_SPACING = (2.4, 1.7, 1.3)
_SEG_SHAPE = (20, 30, 36)


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium() as page:
        yield page


def images(seed: int = 978) -> list[Dataset]:
    """A grey cube with its middle at 0, 0, 0."""
    return builders.series(
        np.full((41, _SIDE, _SIDE), 100, np.int16),
        spacing_mm=(1.5, 1.0, 1.0),
        origin_mm=(-31.5, -31.5, -30.0),
        seed=seed,
        PatientID="READS-FOREIGN",
        StudyInstanceUID=generate_uid(),
        WindowCenter="100",
        WindowWidth="200",
    )


def ball(directions: NDArray[np.float64], origin: NDArray[np.float64]) -> NDArray[np.float64]:
    """How far the points of a grid are within the ball about 0, 0, 0: mm, below 0 outside."""
    k, j, i = np.meshgrid(*(np.arange(one) for one in _SEG_SHAPE), indexing="ij")
    points = (
        origin
        + (i * _SEG_SPACING[2])[..., None] * directions[:, 0]
        + (j * _SEG_SPACING[1])[..., None] * directions[:, 1]
        + (k * _SEG_SPACING[0])[..., None] * directions[:, 2]
    )
    return np.asarray(_RADIUS_MM - np.linalg.norm(points, axis=-1))


def segmentation(
    of: list[Dataset], directions: NDArray[np.float64], label: str, *, fractional: bool
) -> Dataset:
    middle = (np.array(_SEG_SHAPE) - 1) / 2 * np.array(_SEG_SPACING)
    origin = -(directions @ middle[::-1])
    depth = ball(directions, origin)
    pixels = np.clip(0.5 + depth / 6.0, 0, 1) if fractional else (depth > 0).astype(np.uint8)
    description = hd.seg.SegmentDescription(
        segment_number=1,
        segment_label=label,
        segmented_property_category=codes.SCT.Organ,
        segmented_property_type=codes.SCT.Liver,
        algorithm_type="MANUAL",
    )
    kind = hd.seg.SegmentationTypeValues
    return hd.seg.Segmentation(
        source_images=of,
        pixel_array=pixels,
        segmentation_type=kind.FRACTIONAL if fractional else kind.BINARY,
        fractional_type="PROBABILITY",
        segment_descriptions=[description],
        series_instance_uid=generate_uid(),
        series_number=300,
        sop_instance_uid=generate_uid(),
        instance_number=1,
        manufacturer="Another",
        manufacturer_model_name="Another",
        software_versions="1",
        device_serial_number="1",
        series_description=label,
        pixel_measures=hd.PixelMeasuresSequence(
            pixel_spacing=_SEG_SPACING[1:],
            slice_thickness=_SEG_SPACING[0],
            spacing_between_slices=_SEG_SPACING[0],
        ),
        plane_orientation=hd.PlaneOrientationSequence(
            "PATIENT", [float(one) for one in (*directions[:, 0], *directions[:, 1])]
        ),
        plane_positions=[
            hd.PlanePositionSequence("PATIENT", origin + k * _SEG_SPACING[0] * directions[:, 2])
            for k in range(_SEG_SHAPE[0])
        ],
    )


@pytest.mark.parametrize("fractional", [False, True], ids=["oblique", "fractional"])
def test_it_is_brought_onto_the_images_and_says_so(
    node: Node, page: Page, tmp_path: Path, fractional: bool
) -> None:
    of = images(979 if fractional else 978)
    directions = builders.rotation(20, -15, 30)
    label = "Foreign ball"
    sent = [*of, segmentation(of, directions, label, fractional=fractional)]
    builders.write(sent, tmp_path / "foreign")
    assert storescu(tmp_path / "foreign", node.dicom_port).returncode == 0
    uid = of[0].StudyInstanceUID
    node.wait_for(
        lambda: node.get(f"/api/studies/{uid}")["instance_count"] == len(sent),
        "the study to be there",
        PATIENCE_S,
    )
    page.goto(f"{node.url}/study/?study={uid}")
    viewport = page.get_by_test_id("viewport").first
    expect(viewport).to_have_attribute("data-mask-loaded", "true")
    notes = page.get_by_test_id("mask-note")
    expect(notes.first).to_contain_text("Resampled onto these images")
    expect(notes).to_have_count(2 if fractional else 1)
    if fractional:
        expect(notes.last).to_contain_text("Fractional, drawn above 50 %")
    # It is shown, and cannot be edited into what its sender never drew.
    expect(page.get_by_test_id("edit-segment")).to_have_count(0)
    page.keyboard.press("Home")
    for _ in range(2):
        page.keyboard.press("PageDown")
    expect(viewport).to_have_attribute("data-slice-number", "21")

    # On the middle slice it is a disc of 12 mm; the image is a square of 64 mm.
    page.mouse.move(0, 0)
    with_mask = seen(viewport)
    # Pointed at in the list, it is filled more; then as it was.
    page.get_by_test_id("segment-toggle").first.hover()
    filled = seen(viewport, unlike=with_mask)
    page.mouse.move(0, 0)
    assert np.abs(seen(viewport, unlike=filled) - with_mask).max() <= 2
    # Held, the key hides it until it is let go; pressed, for longer.
    page.keyboard.down("o")
    hidden = seen(viewport, unlike=with_mask)
    page.wait_for_timeout(400)
    page.keyboard.up("o")
    assert np.abs(seen(viewport, unlike=hidden) - with_mask).max() <= 2
    page.keyboard.press("o")
    plain = seen(viewport, unlike=with_mask)
    assert np.abs(plain - hidden).max() <= 2
    rows, columns, _ = plain.shape
    drawn = (np.abs(with_mask - plain).max(axis=2) > 8).sum()
    image = min(rows, columns) ** 2
    assert drawn / image == pytest.approx(np.pi * _RADIUS_MM**2 / _SIDE**2, rel=0.06)
