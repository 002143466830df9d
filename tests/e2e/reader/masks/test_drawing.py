"""A radiologist draws a segmentation from nothing, by keyboard and mouse, and goes on with it."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import highdicom as hd
import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Locator, Page, expect

from tests import builders
from tests.api.dicomweb.reading import bodies_of
from tests.e2e.support.accessibility import serious_findings
from tests.e2e.support.browser import chromium, keep_screenshot
from tests.e2e.support.fixtures import send
from tests.e2e.support.node import Node
from tests.e2e.support.pointing import point_to
from tests.e2e.support.studies import SentStudy
from tests.processes import own_folder

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

SHAPE = (12, 40, 56)
SPACING_MM = (2.5, 1.2, 0.8)
RADIUS_MM = 5
"""Of the brush, round in mm over pixels that are not square."""


def box() -> NDArray[np.bool_]:
    """Around the middle of the series, where it opens, and different in every direction."""
    inside = np.zeros(SHAPE, np.bool_)
    inside[3:10, 12:28, 20:40] = True
    inside[6, 4:12, 22:25] = True
    return inside


def voxels() -> NDArray[np.int16]:
    noise = np.random.default_rng(17).integers(-40, 41, SHAPE, dtype=np.int16)
    return np.where(box(), 1000, 0).astype(np.int16) + noise


@pytest.fixture(scope="module")
def drawn_on() -> Iterator[tuple[Node, SentStudy]]:
    with own_folder("drawing") as folder:
        node = Node(folder, {})
        try:
            node.start()
            study = oblique_box(folder / "study")
            send(node, study)
            yield node, study
        finally:
            node.close()


def oblique_box(folder: Path) -> SentStudy:
    folder.mkdir()
    made = builders.series(
        voxels(), spacing_mm=SPACING_MM, directions=builders.rotation(20, -10, 15), seed=77
    )
    for number, one in enumerate(made):
        one.save_as(folder / f"{number}.dcm", enforce_file_format=True)
    return SentStudy.read(folder)


@pytest.mark.slow
def test_a_segmentation_is_drawn_measured_saved_and_gone_on_with(
    drawn_on: tuple[Node, SentStudy],
) -> None:
    node, study = drawn_on
    values, inside = voxels(), box()
    voxel_ml = float(np.prod(SPACING_MM)) / 1000
    with chromium() as page:
        page.goto(f"{node.url}/study/?study={study.study_instance_uid}")
        viewport = page.get_by_test_id("viewport").first
        expect(page.get_by_test_id("begin-drawing")).to_be_enabled(timeout=60_000)
        expect(viewport).to_have_attribute("data-slice-number", "7", timeout=60_000)
        page.keyboard.press("D")
        panel = page.get_by_test_id("drawing")
        expect(panel).to_be_focused()
        notice = page.get_by_test_id("draw-notice")

        # What grows from the middle is the box: by keyboard alone.
        add(panel, "Liver")
        panel.get_by_role("radio", name="Region growing").focus()
        page.keyboard.press("Enter")
        panel.get_by_test_id("draw-lower").fill("500")
        panel.get_by_test_id("draw-upper").fill("2000")
        panel.get_by_role("button", name="Use at the middle of the image").press("Enter")
        expect(notice).to_have_text(f"{inside.sum()} voxels changed.", timeout=60_000)
        liver = statistics(panel, 0, int(inside.sum()))
        assert liver["volume-ml"] == pytest.approx(inside.sum() * voxel_ml, rel=1e-9)
        assert liver["mean"] == pytest.approx(values[inside].mean(), rel=1e-9)
        assert liver["sd"] == pytest.approx(values[inside].std(), rel=1e-6)
        keep_screenshot(page, "drawing")
        assert serious_findings(page) == []

        # A brush within a range takes what is in it; a locked segment gives nothing.
        panel.get_by_role("button", name="Lock Liver").click()
        add(panel, "Mass")
        panel.get_by_role("radio", name="Brush within range").click()
        panel.get_by_test_id("draw-lower").fill("-100")
        panel.get_by_test_id("draw-upper").fill("0")
        panel.get_by_role("slider").fill(str(RADIUS_MM))
        middle = dab(page, viewport, 0.3, 0.3)
        index = int(viewport.get_attribute("data-slice-number") or 0) - 1
        mass = statistics(panel, 1)
        page.keyboard.press("Control+z")
        statistics(panel, 1, 0)
        page.keyboard.press("Control+y")
        statistics(panel, 1, int(mass["voxels"]))
        panel.get_by_role("radio", name="Brush", exact=True).click()
        dab(page, viewport, 0.5, 0.5)
        page.wait_for_timeout(500)
        assert statistics(panel, 0)["voxels"] == inside.sum()
        assert statistics(panel, 1)["voxels"] == mass["voxels"]

        panel.get_by_label("Also as contours").check()
        panel.get_by_test_id("save-drawing").click()
        expect(notice).to_have_text("Saved as version 1, unverified.", timeout=60_000)
        first = listed(node, study)
        found = masks_of(node, study, first["sop_instance_uid"])
        assert np.array_equal(found == 1, inside)
        painted = found == 2
        assert painted.sum() == mass["voxels"]
        in_range = (values[index] >= -100) & (values[index] <= 0)
        # The brush's middle lies somewhere in the pixel that was pointed to.
        surely, possibly = (in_range & disc(middle, RADIUS_MM + by) for by in (-0.8, 0.8))
        assert (painted[index] | ~surely).all()
        assert (possibly | ~painted[index]).all()
        assert painted.sum() == painted[index].sum()
        series = node.get(f"/api/studies/{study.study_instance_uid}")["series"]
        assert {"SEG", "RTSTRUCT"} <= {one["modality"] for one in series}

        # The next version goes on from it, and is the one that is shown.
        page.get_by_test_id("continue-drawing").click(timeout=60_000)
        expect(panel.get_by_test_id("drawn-segment")).to_have_count(2)
        statistics(panel, 0, int(inside.sum()))
        panel.get_by_role("button", name="Remove Mass").click()
        panel.get_by_test_id("save-drawing").click()
        expect(notice).to_have_text("Saved as version 2, unverified.", timeout=60_000)
        second = listed(node, study)
        assert second["replaces"] == [first["sop_instance_uid"]]
        assert second["segments"][0]["tracking_uid"] == first["segments"][0]["tracking_uid"]
        assert np.array_equal(masks_of(node, study, second["sop_instance_uid"]), inside)
        expect(page.get_by_test_id("mask")).to_have_count(1, timeout=60_000)
        expect(page.get_by_test_id("mask").get_by_test_id("segment-toggle")).to_have_count(1)
        assert serious_findings(page) == []


def add(panel: Locator, structure: str) -> None:
    panel.get_by_test_id("draw-structure").select_option(label=structure)
    panel.get_by_test_id("add-segment").press("Enter")
    expect(panel.get_by_test_id("drawn-segment").last).to_contain_text(structure)


def statistics(panel: Locator, row: int, voxels: int | None = None) -> dict[str, float]:
    """What the panel states of a segment, once it has counted (as many voxels)."""
    shown = panel.get_by_test_id("segment-statistics").nth(row)
    if voxels is None:
        expect(shown).not_to_have_attribute("data-voxels", "0")
    else:
        expect(shown).to_have_attribute("data-voxels", str(voxels))
    names = ("voxels", "volume-ml", "mean", "sd")
    return {one: float(shown.get_attribute(f"data-{one}") or "nan") for one in names}


def dab(page: Page, viewport: Locator, x: float, y: float) -> tuple[int, int]:
    """One touch of the brush; column and row of the pixel in its middle."""
    place = point_to(page, viewport, x, y)
    page.mouse.down()
    page.mouse.up()
    page.wait_for_timeout(300)
    return place


def disc(middle: tuple[int, int], radius_mm: float) -> NDArray[np.bool_]:
    rows, columns = np.indices(SHAPE[1:])
    away_mm = np.hypot((columns - middle[0]) * SPACING_MM[2], (rows - middle[1]) * SPACING_MM[1])
    return np.asarray(away_mm <= radius_mm)


def listed(node: Node, study: SentStudy) -> dict[str, Any]:
    (one,) = node.get(f"/api/studies/{study.study_instance_uid}/segmentations")["items"]
    return dict(one)


def masks_of(node: Node, study: SentStudy, uid: str) -> NDArray[np.int_]:
    """The numbers of the segments on the series, as highdicom reads them."""
    (one,) = node.get(f"/api/studies/{study.study_instance_uid}/segmentations")["items"]
    answer = node.api.get(
        f"/dicom-web/studies/{study.study_instance_uid}/series/{one['series_instance_uid']}"
        f"/instances/{uid}",
        headers={"Accept": 'multipart/related; type="application/dicom"'},
    )
    (part10,) = bodies_of(answer)
    segmentation = hd.seg.segread(io.BytesIO(part10))
    slices = [str(each.SOPInstanceUID) for each in builders.series(voxels(), seed=77)]
    found = segmentation.get_pixels_by_source_instance(
        slices, combine_segments=True, assert_missing_frames_are_empty=True
    )
    return np.asarray(found, int)
