"""Through a glass at the pointer the prior is seen at the same place of the patient."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Locator, Page, expect
from pydicom import dcmread
from pydicom.dataset import FileDataset
from pydicom.pixels import apply_modality_lut
from pydicom.uid import generate_uid

from tests.e2e.support.accessibility import serious_findings
from tests.e2e.support.browser import chromium, keep_screenshot
from tests.e2e.support.fixtures import send
from tests.e2e.support.node import Node
from tests.e2e.support.pointing import point_to
from tests.e2e.support.studies import SentStudy, copy_with_new_uids, images_in_order

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(900)]

_FRAME_OF_REFERENCE = generate_uid()
_FIRST_ROW, _FIRST_COLUMN = 40, 24


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium() as page:
        yield page


@pytest.fixture(scope="module")
def pair(node: Node, head: SentStudy, study_folder: Path) -> tuple[SentStudy, SentStudy]:
    """Slices of a head, and every second of them of a year before: cut at two edges, with pixels of
    twice the width, in the same frame of reference."""
    picked = study_folder / "glass"
    picked.mkdir()
    middle = images_in_order(head)[60:84]
    for image in middle:
        path = Path(str(image.filename))
        (picked / path.name).write_bytes(path.read_bytes())

    def named(instance: FileDataset) -> None:
        instance.PatientID, instance.StudyDate = "READS-GLASS", "20250101"
        instance.FrameOfReferenceUID = _FRAME_OF_REFERENCE

    def earlier(instance: FileDataset) -> None:
        named(instance)
        instance.StudyDate = "20240101"
        pixels = instance.pixel_array[_FIRST_ROW:, _FIRST_COLUMN::2]
        down, across = (float(one) for one in instance.PixelSpacing)
        cosines = np.array(instance.ImageOrientationPatient, float)
        corner = np.array(instance.ImagePositionPatient, float)
        corner += _FIRST_COLUMN * across * cosines[:3] + _FIRST_ROW * down * cosines[3:]
        instance.ImagePositionPatient = [float(f"{one:.6f}") for one in corner]
        instance.PixelSpacing = [down, 2 * across]
        instance.set_pixel_data(np.ascontiguousarray(pixels), "MONOCHROME2", instance.BitsStored)

    now = copy_with_new_uids(picked, study_folder / "glass-now", named)
    for image in middle[1::2]:
        (picked / Path(str(image.filename)).name).unlink()
    before = copy_with_new_uids(picked, study_folder / "glass-before", earlier)
    for study in (before, now):
        send(node, study)
    return now, before


def grey_seen(glass: Locator) -> float:
    """What the middle of the glass shows, 0 to 255."""
    shown: int = glass.get_by_test_id("spyglass-image").evaluate(
        "canvas => canvas.getContext('2d')"
        ".getImageData(canvas.width / 2, canvas.height / 2, 1, 1).data[0]"
    )
    return shown


def place_of(image: FileDataset, column: float, row: float) -> NDArray[np.float64]:
    """PS3.3 Equation C.7.6.2.1-1."""
    cosines = np.array(image.ImageOrientationPatient, float)
    down, across = (float(one) for one in image.PixelSpacing)
    corner = np.array(image.ImagePositionPatient, float)
    found: NDArray[np.float64] = corner + column * across * cosines[:3] + row * down * cosines[3:]
    return found


def at_place(image: FileDataset, place: NDArray[np.float64]) -> tuple[float, float]:
    """Column and row, the first pixel's centre at 0, 0."""
    cosines = np.array(image.ImageOrientationPatient, float)
    down, across = (float(one) for one in image.PixelSpacing)
    away = place - np.array(image.ImagePositionPatient, float)
    return float(away @ cosines[:3]) / across, float(away @ cosines[3:]) / down


def window_of(viewport: Locator) -> tuple[float, float]:
    """Lower and upper end of the window that is stated over the image."""
    text = viewport.get_by_test_id("window-text").inner_text().replace(",", "")
    found = re.search(r"W (\d+) L (-?\d+)", text)
    assert found is not None, text
    width, center = (float(one) for one in found.groups())
    return center - width / 2, center + width / 2


def test_the_prior_is_seen_through_a_glass_at_the_same_place_of_the_patient(
    node: Node, pair: tuple[SentStudy, SentStudy], page: Page
) -> None:
    now, before = pair
    page.goto(f"{node.url}/study/?study={now.study_instance_uid}")
    current, prior = (page.get_by_test_id("viewport").nth(one) for one in range(2))
    for viewport, study in ((current, now), (prior, before)):
        expect(viewport).to_have_attribute("data-series", study.series_instance_uid)
        expect(viewport).to_have_attribute("data-image-rendered", "true")
    images = {study: images_in_order(study) for study in pair}
    # Not linked, and on another slice: what is seen is at the place of the patient all the same.
    page.get_by_test_id("link-toggle").click()
    prior.focus()
    for _ in range(3):
        page.keyboard.press("ArrowDown")
    current.focus()
    page.get_by_test_id("spyglass-toggle").click()
    glass = current.get_by_test_id("spyglass")
    differences = []
    for x, y in ((0.5, 0.45), (0.42, 0.6), (0.58, 0.38), (0.47, 0.52)):
        column, row = point_to(page, current, x, y)
        expect(glass).to_have_attribute("data-series", before.series_instance_uid)
        expect(glass).to_have_attribute("data-drawn", "true")
        shown = images[now][int(current.get_attribute("data-slice-number") or 0) - 1]
        place = place_of(shown, column, row)
        cosines = np.array(shown.ImageOrientationPatient, float)
        normal = np.cross(cosines[:3], cosines[3:])
        distances = [
            abs(float(normal @ (np.array(one.ImagePositionPatient, float) - place)))
            for one in images[before]
        ]
        index = int(np.argmin(distances))
        assert glass.get_attribute("data-slice") == str(index + 1)
        stored = dcmread(str(images[before][index].filename))
        values = apply_modality_lut(stored.pixel_array, stored)
        c, r = at_place(stored, place)
        around = values[round(r) - 1 : round(r) + 2, round(c) - 1 : round(c) + 2]
        lower, upper = window_of(prior)
        greys = np.clip((around - lower) / (upper - lower), 0, 1) * 255
        seen = grey_seen(glass)
        # Between pixels it is interpolated; the pointer lies somewhere within its pixel.
        assert greys.min() - 3 <= seen <= greys.max() + 3
        differences.append(abs(seen - greys[1, 1]))
    assert np.median(differences) < 20
    expect(glass.get_by_test_id("spyglass-caption")).to_contain_text("Earlier study, −12 mo")
    assert serious_findings(page) == []
    keep_screenshot(page, "spyglass")
    # By keys, without a pointer: in the middle of the active viewport; again, and it is away.
    page.mouse.move(5, 5)
    expect(current.get_by_test_id("spyglass")).to_be_visible()
    page.keyboard.press("G")
    expect(page.get_by_test_id("spyglass")).to_have_count(0)


def test_without_anything_to_compare_with_there_is_no_glass(
    node: Node, pair: tuple[SentStudy, SentStudy], page: Page
) -> None:
    now, _ = pair
    page.goto(f"{node.url}/study/?study={now.study_instance_uid}")
    expect(page.get_by_test_id("spyglass-toggle")).to_be_visible()
    page.get_by_test_id("grid-choice").select_option("1 1")
    expect(page.get_by_test_id("viewport")).to_have_count(1)
    expect(page.get_by_test_id("spyglass-toggle")).to_have_count(0)
    page.keyboard.press("G")
    expect(page.get_by_test_id("spyglass")).to_have_count(0)
