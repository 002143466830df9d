"""A radiologist paints over the AI's mask; what was painted is measured, kept and delivered."""

import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Locator, Page, expect

from tests.e2e.support.browser import chromium, keep_screenshot
from tests.e2e.support.fixtures import FollowedStudy, follow, send
from tests.e2e.support.masks import mask_at
from tests.e2e.support.node import Node
from tests.e2e.support.pacs import Pacs
from tests.e2e.support.pointing import point_to
from tests.e2e.support.studies import SentStudy, copy_with_new_uids, images_in_order
from tests.patience import PATIENCE_S

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

RADIUS_MM = 9


@pytest.fixture
def painted(node: Node, head: SentStudy, study_folder: Path) -> FollowedStudy:
    """A study of this test alone: its mask gets a second version."""
    study = copy_with_new_uids(head.folder, study_folder / "painted")
    send(node, study)
    return follow(node, study)


@pytest.fixture
def page() -> Iterator[Page]:
    with chromium() as page:
        yield page


@pytest.mark.slow
def test_a_mask_is_painted_over_and_its_new_version_found_everywhere(
    painted: FollowedStudy, node: Node, pacs: Pacs, page: Page
) -> None:
    study = painted.study
    path = f"{node.url}/study/?study={study.study_instance_uid}"
    page.goto(path)
    viewport = with_mask(page)
    page.get_by_test_id("edit-segment").select_option(label="Intracranial space")
    editing = page.get_by_test_id("mask-editing")
    editing.get_by_role("slider").fill(str(RADIUS_MM))
    # Beside the head, whether or not an earlier study stands next to it.
    added = dab(page, viewport, 0.25, 0.2)
    dab(page, viewport, 0.75, 0.2)
    editing.get_by_role("button", name="Undo").click()
    editing.get_by_role("radio", name="Eraser").click()
    removed = dab(page, viewport, 0.5, 0.45)
    keep_screenshot(page, "mask-editing")
    index = int(viewport.get_attribute("data-slice-number") or 0) - 1
    page.get_by_test_id("edit-reason").fill("The mask held a cyst.")
    page.get_by_test_id("save-edit").click()
    expect(page.get_by_test_id("edit-notice")).to_contain_text("Saved as a new version")

    job = edited(node, study)
    results = {one["kind"]: one["sop_instance_uid"] for one in job["results"]}
    held = node.wait_for(
        lambda: held_with(pacs, study, results.values()), "the new version at the PACS", PATIENCE_S
    )
    old, new = (
        mask_at(pacs, study, uid)
        for uid in (painted.result("SEG")["sop_instance_uid"], results["SEG"])
    )
    changed = old != new
    assert set(np.flatnonzero(changed.any(axis=(1, 2)))) == {index}
    expected = old[index].copy()
    for place, value in ((added, True), (removed, False)):
        expected[disc(study, old[index].shape, place)] = value
    # The rim of a disc may fall on either side of it.
    assert (expected != new[index]).sum() < 0.1 * changed.sum()
    assert changed[index][added[1], added[0]]
    assert changed[index][removed[1], removed[0]]

    (finding,) = job["findings"]
    assert finding["value"] == pytest.approx(new.sum() * voxel_mm3(study) / 1000, rel=1e-4)
    report = pydicom.dcmread(io.BytesIO(held[results["SR"]]))
    (predecessor,) = report.PredecessorDocumentsSequence
    (series,) = predecessor.ReferencedSeriesSequence
    (instance,) = series.ReferencedSOPSequence
    assert instance.ReferencedSOPInstanceUID == painted.result("SR")["sop_instance_uid"]

    page.goto(path)
    with_mask(page)
    newest = page.locator(f"[data-testid=finding-value][data-value='{finding['value']}']")
    expect(newest.first).to_be_visible()


def with_mask(page: Page) -> Locator:
    viewport = page.get_by_test_id("viewport").first
    expect(viewport).to_have_attribute("data-mask-loaded", "true", timeout=60_000)
    return viewport


def dab(page: Page, viewport: Locator, x: float, y: float) -> tuple[int, int]:
    """One touch of the brush; column and row of the pixel in its middle."""
    place = point_to(page, viewport, x, y)
    page.mouse.down()
    page.mouse.up()
    return place


def edited(node: Node, study: SentStudy) -> dict[str, Any]:
    """The job that stands for the edit, with its findings."""
    jobs = node.get(f"/api/jobs?study_instance_uid={study.study_instance_uid}")["items"]
    newest = max(jobs, key=lambda job: str(job["created_at"]))
    job: dict[str, Any] = node.get(f"/api/jobs/{newest['job_id']}")
    return job


def held_with(pacs: Pacs, study: SentStudy, uids: Iterable[str]) -> dict[str, bytes] | None:
    held = pacs.instances_of(study.study_instance_uid)
    return held if held.keys() >= set(uids) else None


def disc(study: SentStudy, shape: tuple[int, ...], middle: tuple[int, int]) -> NDArray[np.bool_]:
    """The pixels whose middle lies within the brush, in a matrix that is not square."""
    row_mm, column_mm = (float(one) for one in images_in_order(study)[0].PixelSpacing)
    assert row_mm != column_mm
    rows, columns = np.indices(shape)
    away_mm = np.hypot((columns - middle[0]) * column_mm, (rows - middle[1]) * row_mm)
    return np.asarray(away_mm <= RADIUS_MM)


def voxel_mm3(study: SentStudy) -> float:
    first, second, *_ = images_in_order(study)
    row_mm, column_mm = (float(one) for one in first.PixelSpacing)
    positions = [np.array(one.ImagePositionPatient, float) for one in (first, second)]
    return row_mm * column_mm * float(np.linalg.norm(positions[1] - positions[0]))
