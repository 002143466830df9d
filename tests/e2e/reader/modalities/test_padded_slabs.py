"""Padding is no part of what a slab shows, nor of the value at the pointer (PS3.3 C.7.5.1.1.2)."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page, expect
from pydicom.uid import generate_uid

from tests import builders
from tests.e2e.reader.modalities.test_planes import opened, plane
from tests.e2e.support.browser import chromium
from tests.e2e.support.node import Node
from tests.e2e.support.pointing import point_to, seen

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(300)]

_TISSUE = 100
_NAMES = {"max": "Maximum (MIP)", "min": "Minimum (MinIP)", "mean": "Mean"}


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium() as page:
        yield page


@pytest.mark.parametrize(("padding", "seed"), [(-2000, 981), (3000, 982)], ids=["below", "above"])
def test_padding_is_no_part_of_a_slab(
    node: Node, page: Page, tmp_path: Path, padding: int, seed: int
) -> None:
    voxels = np.full((41, 60, 60), _TISSUE, np.int16)
    # On the left of the patient, in every slice above the middle one.
    voxels[21:, :, 30:] = padding
    sent = builders.series(
        voxels,
        modality="CT",
        spacing_mm=(2.0, 1.0, 1.0),
        origin_mm=[-30.0, -30.0, -40.0],
        seed=seed,
        PatientID=f"READS-PADDED-{seed}",
        StudyInstanceUID=generate_uid(),
        PixelPaddingValue=padding,
        WindowCenter="100",
        WindowWidth="200",
    )
    opened(node, page, sent, tmp_path / "padded")
    page.keyboard.press("m")
    axial = plane(page, "axial")
    expect(axial).to_have_attribute("data-image-rendered", "true")
    expect(axial).to_have_attribute("data-loaded", "all")
    for name in ("max", "min", "mean"):
        page.keyboard.press("M")
        expect(axial.get_by_test_id("plane-place").last).to_contain_text(_NAMES[name])
        for side in (0.4, 0.6):
            point_to(page, axial, side, 0.4)
            shown = axial.get_by_test_id("cursor-value").get_attribute("data-value")
            assert float(shown or "nan") == _TISSUE
        page.mouse.move(5, 5)
        shades = []
        for _ in range(20):
            picture = seen(axial)
            height, width, _ = picture.shape
            rows = slice(int(0.38 * height), int(0.42 * height))
            shades = [
                float(picture[rows, int((x - 0.02) * width) : int((x + 0.02) * width)].mean())
                for x in (0.4, 0.6)
            ]
            if shades == pytest.approx([127.5] * 2, abs=6):
                break
        assert shades == pytest.approx([127.5] * 2, abs=6), name
