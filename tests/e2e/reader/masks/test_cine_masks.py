"""A cine from the modality to the reader: what a model marks lies on the frames that show it."""

import io
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Locator, expect

from tests.e2e.reader.test_films import results, sent
from tests.e2e.support.browser import chromium, keep_screenshot
from tests.e2e.support.node import Node
from tests.inference.films import bright_segmenter, part10, ultrasound
from tests.inference.single_images.cines import HEIGHTS, beating
from tests.inference.small import study_uid

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.fixture
def cine_node(tmp_path: Path) -> Iterator[Node]:
    folder = tmp_path / "node"
    folder.mkdir()
    node = Node(folder, {})
    try:
        frames = {"combine": "max", "fractional_area_change": ["1"]}
        model = bright_segmenter(tmp_path / "m", frames=frames, image={"channels": 1})
        added = node.command("models", "add", str(model))
        assert added.returncode == 0, added.stderr
        node.start()
        yield node
    finally:
        node.close()


def test_masks_of_a_cine_are_drawn_on_their_frames_in_the_reader(
    cine_node: Node, tmp_path: Path
) -> None:
    sent(cine_node, tmp_path / "sent", part10(ultrasound("cine-read", beating())))
    uid = study_uid("cine-read")
    job = results(cine_node, uid, "model-bright-part")
    assert [one["kind"] for one in job["results"]] == ["SEG", "SR"]
    with chromium() as page:
        page.goto(f"{cine_node.url}/study/?study={uid}")
        viewport = page.get_by_test_id("viewport").first
        expect(viewport).to_have_attribute("data-image-rendered", "true", timeout=60_000)
        expect(viewport).to_have_attribute("data-mask-loaded", "true")
        page.keyboard.press("Home")
        for number, height in enumerate(HEIGHTS, start=1):
            expect(viewport).to_have_attribute("data-slice-number", str(number))
            page.mouse.move(2, 2)
            page.wait_for_timeout(300)
            coloured = marked_rows(viewport)
            assert coloured == ([*range(10, 10 + height)] if height else []), number
            if number == 4:
                keep_screenshot(page, "cine-mask")
            page.keyboard.press("ArrowDown")
        # The finding leads to the frame that it is of.
        page.get_by_role("button", name=re.compile("least area")).first.click()
        expect(viewport).to_have_attribute("data-slice-number", "3")
        expect(page.get_by_test_id("finding-detail").get_by_test_id("curve")).to_have_count(0)
        page.get_by_role("button", name=re.compile("largest area")).first.click()
        expect(viewport).to_have_attribute("data-slice-number", "4")
        expect(page.get_by_test_id("finding-detail").get_by_test_id("curve")).to_have_count(1)
        keep_screenshot(page, "cine-finding")


def marked_rows(viewport: Locator) -> list[int]:
    """Rows of the image that are coloured in its middle column: all grey is the image's own."""
    shown: NDArray[np.int16] = np.asarray(
        Image.open(io.BytesIO(viewport.screenshot())).convert("RGB"), np.int16
    )
    group = viewport.locator("[data-testid=image-marks] > g")
    numbers = re.findall(r"-?[\d.]+(?:e-?\d+)?", group.get_attribute("transform") or "")
    a, _, _, d, e, f = map(float, numbers)
    column = round(a * 40.5 + e)
    colours = [shown[round(d * (row + 0.5) + f), column] for row in range(60)]
    return [row for row, one in enumerate(colours) if one.max() - one.min() > 20]
