"""A radiologist segments a structure by clicks, and finds it among the results."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Page, expect

from tests import builders
from tests.e2e.support.accessibility import serious_findings
from tests.e2e.support.browser import chromium, keep_screenshot
from tests.e2e.support.fixtures import send
from tests.e2e.support.node import Node
from tests.e2e.support.pointing import seen
from tests.e2e.support.studies import SentStudy
from tests.inference.click_bundle import click_bundle
from tests.inference.nninteractive_folder import nninteractive_folder
from tests.patience import PATIENCE_S
from tests.processes import own_folder

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]

SHAPE = (12, 40, 40)
SPACING_MM = (2.0, 1.0, 1.0)


@pytest.fixture(scope="module")
def clicked() -> Iterator[tuple[Node, SentStudy, int]]:
    """A node with two interactive models, a study with one bright box, and its voxels."""
    with own_folder("clicking") as folder:
        node = Node(folder, {"MEDIVIEW_INTERACTIVE_SESSIONS": "1"})
        try:
            for arguments in (
                ("models", "add", str(click_bundle(folder / "bundle"))),
                ("models", "activate", "clicked-phantom"),
                ("models", "add", str(nninteractive_folder(folder / "tiny"))),
            ):
                done = node.command(*arguments)
                assert done.returncode == 0, done.stdout + done.stderr
            node.start()
            study, voxels = bright_box(folder / "study")
            send(node, study)
            yield node, study, voxels
        finally:
            node.close()


def bright_box(folder: Path) -> tuple[SentStudy, int]:
    folder.mkdir()
    inside = np.zeros(SHAPE, bool)
    inside[3:9, 10:30, 12:28] = True
    voxels = np.where(inside, 1000, 0).astype(np.int16)
    for number, one in enumerate(builders.series(voxels, spacing_mm=SPACING_MM)):
        one.save_as(folder / f"{number}.dcm", enforce_file_format=True)
    return SentStudy.read(folder), int(inside.sum())


@pytest.mark.slow
def test_a_structure_is_segmented_by_clicks_and_saved(
    clicked: tuple[Node, SentStudy, int],
) -> None:
    node, study, voxels = clicked
    with chromium() as page:
        page.goto(f"{node.url}/study/?study={study.study_instance_uid}")
        viewport = page.get_by_test_id("viewport").first
        page.get_by_test_id("begin-clicking").click()
        clicking = page.get_by_test_id("clicking")
        expect(clicking).to_be_visible(timeout=PATIENCE_S * 1000)
        notice = page.get_by_test_id("click-notice")
        before = seen(viewport)
        click(page, 0.5, 0.5)
        expect(notice).to_have_text(f"1 inside, 0 outside; {voxels} voxels.", timeout=60_000)
        seen(viewport, unlike=before)
        click(page, 0.5, 0.6, "Shift")
        expect(notice).to_contain_text("1 inside, 1 outside;", timeout=60_000)
        page.keyboard.press("Control+z")
        expect(notice).to_have_text(f"1 inside, 0 outside; {voxels} voxels.", timeout=60_000)
        clicking.get_by_role("button", name="Redo").click()
        expect(notice).to_contain_text("1 inside, 1 outside;", timeout=60_000)
        clicking.get_by_role("button", name="Undo").click()
        expect(notice).to_have_text(f"1 inside, 0 outside; {voxels} voxels.", timeout=60_000)
        keep_screenshot(page, "clicking")
        assert serious_findings(page) == []
        page.get_by_test_id("accept-mask").click()
        expect(notice).to_contain_text("Saved as a segmentation", timeout=60_000)
        (job,) = jobs_of(node, study, "click-clicked-phantom")
        (finding,) = node.get(f"/api/jobs/{job['job_id']}")["findings"]
        assert finding["value"] == pytest.approx(voxels * np.prod(SPACING_MM) / 1000, abs=1e-3)
        clicking.get_by_role("button", name="Cancel").click()
        expect(page.get_by_test_id("edit-segment")).to_contain_text("Spleen", timeout=60_000)
        assert serious_findings(page) == []


@pytest.mark.slow
def test_a_saved_segment_is_where_another_model_begins(
    clicked: tuple[Node, SentStudy, int],
) -> None:
    node, study, voxels = clicked
    with chromium() as page:
        page.goto(f"{node.url}/study/?study={study.study_instance_uid}")
        viewport = page.get_by_test_id("viewport").first
        notice = page.get_by_test_id("click-notice")
        page.get_by_test_id("click-model").select_option("click-clicked-phantom")
        page.get_by_test_id("begin-clicking").click()
        clicking = page.get_by_test_id("clicking")
        expect(clicking).to_be_visible(timeout=PATIENCE_S * 1000)
        # This model takes none.
        expect(clicking.get_by_text("Begin with", exact=True)).to_have_count(0)
        click(page, 0.5, 0.5)
        expect(notice).to_have_text(f"1 inside, 0 outside; {voxels} voxels.", timeout=60_000)
        page.get_by_test_id("click-label").fill("To begin with")
        page.get_by_test_id("accept-mask").click()
        expect(notice).to_contain_text("Saved as a segmentation", timeout=60_000)
        clicking.get_by_role("button", name="Cancel").click()
        expect(page.get_by_test_id("edit-segment")).to_contain_text("To begin with", timeout=60_000)
        page.get_by_test_id("click-model").select_option(label="Tiny clicks")
        page.get_by_test_id("begin-clicking").click()
        expect(clicking).to_be_visible(timeout=PATIENCE_S * 1000)
        before = seen(viewport)
        expect(clicking.get_by_text("Begin with", exact=True)).to_be_visible(timeout=60_000)
        page.get_by_test_id("click-initial").select_option(label="To begin with")
        expect(notice).to_have_text(f"0 inside, 0 outside; {voxels} voxels.", timeout=60_000)
        seen(viewport, unlike=before)
        keep_screenshot(page, "begin-with")
        assert serious_findings(page) == []
        click(page, 0.5, 0.5, "Shift")
        expect(notice).to_contain_text("0 inside, 1 outside;", timeout=60_000)
        expect(notice).not_to_contain_text(f" {voxels} voxels")
        page.keyboard.press("Control+z")
        expect(notice).to_have_text(f"0 inside, 0 outside; {voxels} voxels.", timeout=60_000)
        page.get_by_test_id("accept-mask").click()
        expect(notice).to_contain_text("Saved as a segmentation", timeout=60_000)
        (job,) = jobs_of(node, study, "click-tiny-clicks")
        notes = node.get(f"/api/jobs/{job['job_id']}")["notes"]
        assert any(one.startswith("It began with segment 1 of the Segmentation") for one in notes)
        clicking.get_by_role("button", name="Cancel").click()


def click(page: Page, x: float, y: float, modifier: str = "") -> None:
    box = page.get_by_test_id("viewport").first.bounding_box()
    assert box is not None
    if modifier:
        page.keyboard.down(modifier)
    page.mouse.click(box["x"] + x * box["width"], box["y"] + y * box["height"])
    if modifier:
        page.keyboard.up(modifier)


def jobs_of(node: Node, study: SentStudy, pipeline: str) -> list[dict[str, Any]]:
    jobs = node.get(f"/api/jobs?study_instance_uid={study.study_instance_uid}")["items"]
    return [one for one in jobs if one["pipeline"] == pipeline]
