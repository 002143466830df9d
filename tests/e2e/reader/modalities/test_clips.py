"""A person plays clips beside each other, and subtracts the mask of an angiography."""

import re
import time
from collections.abc import Iterator

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Page, expect
from pydicom.dataset import Dataset
from pydicom.uid import UltrasoundMultiFrameImageStorage, XRayAngiographicImageStorage, generate_uid
from scipy.ndimage import shift

from tests import builders
from tests.e2e.support.browser import chromium
from tests.e2e.support.node import Node
from tests.e2e.support.opening import opened, store
from tests.e2e.support.pointing import point_to

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium() as page:
        yield page


def clip(
    frames: NDArray[np.integer], modality: str, sop_class: str, **attributes: object
) -> Dataset:
    """One instance of many frames, without a place in the patient."""
    (instance,) = builders.series(frames[:1], seed=950, **attributes)  # type: ignore[arg-type]
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "SliceThickness"):
        delattr(instance, keyword)
    instance.Modality = modality
    instance.SOPClassUID = instance.file_meta.MediaStorageSOPClassUID = sop_class
    instance.SOPInstanceUID = instance.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    instance.NumberOfFrames = len(frames)
    instance.PixelData = np.ascontiguousarray(frames).tobytes()
    instance["PixelData"].VR = "OW" if frames.dtype.itemsize > 1 else "OB"
    return instance


def test_clips_play_by_one_clock_each_at_its_own_rate(node: Node, page: Page) -> None:
    study = generate_uid()
    frames = np.stack([np.full((48, 64), 8 * index, np.uint8) for index in range(30)])
    rates = (20.0, 12.5)
    clips = [
        clip(
            frames,
            "US",
            UltrasoundMultiFrameImageStorage,
            PatientID="READS-CLIPS",
            StudyInstanceUID=study,
            InstanceNumber=number,
            FrameTime=str(1000 / rate),
        )
        for number, rate in enumerate(rates, start=1)
    ]
    opened(page, node, store(node, clips))
    page.get_by_test_id("spread-clips").click()
    views = page.get_by_test_id("viewport")
    expect(views).to_have_count(2)
    for index in range(2):
        expect(views.nth(index)).to_have_attribute("data-image-rendered", "true")
        expect(views.nth(index)).to_have_attribute("data-slice-count", "30")
        expect(views.nth(index)).to_have_attribute("data-loaded", "all")
    page.get_by_test_id("cine-all").click()

    def shown() -> tuple[float, list[int]]:
        numbers = [int(views.nth(at).get_attribute("data-slice-number") or 0) for at in range(2)]
        return time.monotonic(), numbers

    page.wait_for_timeout(500)
    began, before = shown()
    gone = [0, 0]
    last = before
    while (now := shown())[0] < began + 4:
        gone = [one + (new - old) % 30 for one, new, old in zip(gone, now[1], last, strict=True)]
        last = now[1]
        page.wait_for_timeout(60)
    elapsed = now[0] - began
    for count, rate in zip(gone, rates, strict=True):
        # A frame or two may be on their way, on a busy machine more.
        assert count / elapsed == pytest.approx(rate, rel=0.15)
    page.keyboard.press("P")
    page.wait_for_timeout(300)
    assert shown()[1] == (page.wait_for_timeout(400), shown()[1])[1]


def angiography() -> tuple[Dataset, NDArray[np.uint16]]:
    """Bone in all frames, a vessel from the fourth on, and a patient who moved a little."""
    rows, columns = np.indices((48, 64))
    bone = 2000 + 600 * np.sin(columns / 5.0) + 10 * rows
    frames = np.stack([bone] * 6)
    frames[3:, 20:26, :] -= 500
    frames = np.round(frames).astype(np.uint16)
    instance = clip(
        frames, "XA", XRayAngiographicImageStorage, PatientID="READS-DSA", FrameTime="200"
    )
    instance.StudyInstanceUID, instance.SeriesInstanceUID = generate_uid(), generate_uid()
    instance.PixelIntensityRelationship = "LOG"
    instance.RecommendedViewingMode = "SUB"
    how = Dataset()
    how.MaskOperation, how.MaskFrameNumbers = "AVG_SUB", [1, 2]
    how.MaskSubPixelShift = [0.5, -1.25]
    instance.MaskSubtractionSequence = [how]
    return instance, frames


def test_an_angiography_is_subtracted_as_its_header_and_its_reader_want(
    node: Node, page: Page
) -> None:
    instance, frames = angiography()
    opened(page, node, store(node, [instance]))
    viewport = page.get_by_test_id("viewport").first
    mark = viewport.get_by_test_id("subtracted")
    # Half a pixel down, and a negative offset of columns is one to the right.
    expect(mark).to_have_text("Subtracted: mask 1, 2, moved 1.25 → 0.5 ↓ px")
    frame = frames[int(viewport.get_attribute("data-slice-number") or 0) - 1].astype(float)
    mask = frames[:2].mean(axis=0)

    def value(x: float, y: float) -> tuple[float, int, int]:
        column, row = point_to(page, viewport, x, y)
        text = viewport.get_by_test_id("cursor-value").get_attribute("data-value")
        return float(text or "nan"), column, row

    moved = shift(mask, (0.5, 1.25), order=1, mode="nearest")
    for place in ((0.5, 0.5), (0.45, 0.47), (0.55, 0.3)):
        found, column, row = value(*place)
        assert found == pytest.approx(frame[row, column] - moved[row, column], abs=1)
    page.get_by_test_id("shift-right").fill("0")
    page.get_by_test_id("shift-down").fill("0")
    expect(mark).to_have_text("Subtracted: mask 1, 2")
    page.wait_for_timeout(500)
    found, column, row = value(0.52, 0.49)
    assert found == pytest.approx(frame[row, column] - mask[row, column], abs=1)
    # A region is saved with values of the stored image, so that it has none while it is subtracted.
    page.get_by_test_id("shift-down").blur()
    page.keyboard.press("d")
    box = viewport.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.4 * box["width"], box["y"] + 0.4 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.45 * box["width"], box["y"] + 0.4 * box["height"], steps=4)
    page.mouse.up()
    text = viewport.locator("svg text")
    expect(text.first).to_contain_text(re.compile("area", re.I))
    assert "mean" not in " ".join(text.all_text_contents()).lower()
    page.get_by_test_id("subtract").click()
    expect(text.first).to_contain_text(re.compile("mean", re.I))
    written = re.search(r"(?i)mean\D*([\d.,]+)", " ".join(text.all_text_contents()))
    assert written is not None
    assert frame.min() <= float(written[1]) <= frame.max(), "not the differences about 0"
    page.keyboard.press("w")
    page.get_by_test_id("subtract").click()
    expect(mark).to_contain_text("Subtracted: mask 1, 2")
    expect(text.first).not_to_contain_text(re.compile("mean", re.I))
    page.get_by_test_id("subtract").click()
    expect(mark).to_have_count(0)
    page.wait_for_timeout(500)
    found, column, row = value(0.48, 0.51)
    assert found == frame[row, column]
