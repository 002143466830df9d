"""Heat maps from the modality to the PACS and the reader, against what is computed by hand."""

import io
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from PIL import Image
from playwright.sync_api import Locator, Page, expect

from tests.e2e.reader.test_films import results, sent
from tests.e2e.support.accessibility import serious_findings
from tests.e2e.support.browser import chromium, keep_screenshot
from tests.e2e.support.node import Node
from tests.e2e.support.pacs import Pacs
from tests.inference.films import bright_classifier, bright_detector, part10, ultrasound
from tests.inference.results_support import complaints
from tests.inference.single_images.awkward import TURNED, awkward_film, heat_by_hand
from tests.inference.small import study_uid
from tests.patience import PATIENCE_S

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(300)]

OPACITY = 0.45
COLUMNS = (52, 100, 150, 190, 220, 268)
POINTS = [(row, column) for row in (24, 75, 110, 135, 160, 195) for column in COLUMNS]
"""None at a border of two parts; some a few pixels from the shutter."""
SHUTTERED = [(10, 100), (110, 30), (110, 290), (210, 150)]


@pytest.fixture(scope="module")
def pacs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pacs]:
    server = Pacs(tmp_path_factory.mktemp("pacs"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def heat_node(tmp_path_factory: pytest.TempPathFactory, pacs: Pacs) -> Iterator[Node]:
    folder = tmp_path_factory.mktemp("heat")
    node = Node(folder, {"MEDIVIEW_DESTINATIONS": pacs.address, "MEDIVIEW_RESULT_KINDS": "SC"})
    try:
        labels = bright_classifier(
            folder / "labels",
            name="Bright film",
            image=TURNED,
            heat_map={"grid": 4},
            frames={"combine": "mean"},
            modalities=["DX", "US"],
        )
        for model in (bright_detector(folder / "boxes", modalities=["DX"]), labels):
            added = node.command("models", "add", str(model))
            assert added.returncode == 0, added.stderr
        node.start()
        yield node
    finally:
        node.close()


def test_an_awkward_film_gets_its_heat_map_at_the_pacs_and_in_the_reader(
    heat_node: Node, pacs: Pacs, tmp_path: Path
) -> None:
    node = heat_node
    dataset, grey = awkward_film("heat-sent")
    first, heat = heat_by_hand(grey)
    sent(node, tmp_path / "sent", part10(dataset))
    uid = study_uid("heat-sent")
    labels = results(node, uid, "model-bright-film")
    boxes = results(node, uid, "model-bright-part")
    assert [one["kind"] for one in labels["results"]] == ["SR", "SC"]
    assert [one["kind"] for one in boxes["results"]] == ["SR", "GSPS", "SC"]
    made = {one["sop_instance_uid"]: one["kind"] for one in (*labels["results"], *boxes["results"])}

    def arrived() -> dict[str, bytes] | None:
        held = pacs.instances_of(uid)
        return held if set(made) <= set(held) else None

    held = node.wait_for(arrived, "all results at the PACS", PATIENCE_S)
    for number, instance in enumerate(made):
        path = tmp_path / f"{number}.dcm"
        path.write_bytes(held[instance])
        assert complaints(path) == []
    (picture,) = [
        pydicom.dcmread(io.BytesIO(held[one["sop_instance_uid"]]))
        for one in labels["results"]
        if one["kind"] == "SC"
    ]
    # Square pixels, of which every pixel of the film is twice as many high as wide.
    scale = picture.Columns / 320
    places = [(2 * scale * (row + 0.5), scale * (column + 0.5)) for row, column in POINTS]
    strongest = heat[grey > 0].max()
    expected = np.array([max(heat[at], 0) / strongest for at in POINTS])
    np.testing.assert_allclose(redness(picture.pixel_array, places), expected * OPACITY, atol=0.01)

    with chromium() as page:
        page.goto(f"{node.url}/study/?study={uid}")
        viewport = page.get_by_test_id("viewport").first
        expect(viewport).to_have_attribute("data-image-rendered", "true", timeout=60_000)
        group = page.locator("[data-testid=finding-group][data-pipeline=model-bright-film]")
        toggle = group.get_by_test_id("heat-map-toggle")
        expect(toggle).not_to_be_checked()
        expect(viewport.get_by_test_id("heat-map")).to_have_count(0)
        assert drawn(page, viewport).max() < 0.01
        # By the keyboard alone.
        toggle.focus()
        page.keyboard.press("Space")
        expect(toggle).to_be_checked()
        expect(viewport.get_by_test_id("heat-mark")).to_have_text(
            "AI heat map, UNVERIFIED: Bright part · model-bright-film 1.0"
        )
        expect(viewport).to_have_attribute("aria-label", re.compile("heat map of Bright part$"))
        legend = group.get_by_test_id("heat-map-legend")
        expect(legend).to_contain_text("not where a disease is")
        expect(legend).to_contain_text(f"−{100 * strongest:.1f} percentage points")
        expect(legend).to_contain_text("UNVERIFIED")
        assert serious_findings(page) == []
        keep_screenshot(page, "heat-map")
        # The mark is not only there: nothing covers it.
        mark = page.get_by_test_id("heat-mark").screenshot()
        assert np.asarray(Image.open(io.BytesIO(mark)).convert("L")).max() > 120
        np.testing.assert_allclose(drawn(page, viewport), expected * OPACITY, atol=0.02)
        assert drawn(page, viewport, SHUTTERED).max() < 0.01
        # Turned, flipped, inverted, zoomed: on the same pixels of the film.
        for keys in (("]",), ("h",), ("i",), ("[", "[", "j")):
            for key in keys:
                page.keyboard.press(key)
            np.testing.assert_allclose(drawn(page, viewport), expected * OPACITY, atol=0.02)
        group.get_by_test_id("heat-map-opacity").fill("80")
        np.testing.assert_allclose(drawn(page, viewport), expected * 0.8, atol=0.02)
        viewport.focus()
        page.keyboard.press("Shift+H")
        expect(viewport.get_by_test_id("heat-map")).to_have_count(0)
        expect(toggle).not_to_be_checked()
    assert first > 0.5


def test_of_a_cine_it_lies_over_its_frame_alone(heat_node: Node, tmp_path: Path) -> None:
    frames = np.full((3, 48, 64), 80, np.uint8)
    frames[1, 4:20, 36:60] = 255
    sent(heat_node, tmp_path / "cine", part10(ultrasound("heat-cine", frames)))
    uid = study_uid("heat-cine")
    results(heat_node, uid, "model-bright-film")
    with chromium() as page:
        page.goto(f"{heat_node.url}/study/?study={uid}")
        viewport = page.get_by_test_id("viewport").first
        expect(viewport).to_have_attribute("data-image-rendered", "true", timeout=60_000)
        page.keyboard.press("Home")
        expect(viewport).to_have_attribute("data-slice-number", "1")
        page.keyboard.press("Shift+H")
        expect(viewport.get_by_test_id("heat-map")).to_have_count(0)
        toggle = page.get_by_label("Heat map: Bright part, frame 2")
        toggle.check()
        # It is shown where it is.
        expect(viewport).to_have_attribute("data-slice-number", "2")
        expect(viewport.get_by_test_id("heat-map")).to_have_count(1)
        page.keyboard.press("ArrowDown")
        expect(viewport).to_have_attribute("data-slice-number", "3")
        expect(viewport.get_by_test_id("heat-map")).to_have_count(0)


def redness(rgb: NDArray[np.uint8], places: list[tuple[float, float]]) -> NDArray[np.float64]:
    """How much red lies over the grey at (row, column), from 0 to 1."""
    at = [rgb[round(row - 0.5), round(column - 0.5)].astype(float) for row, column in places]
    return np.array([(red - green) / 255 for red, green, _ in at])


def drawn(
    page: Page, viewport: Locator, points: list[tuple[int, int]] = POINTS
) -> NDArray[np.float64]:
    """The same of what the viewport shows at the points of the film, once it has turned to them."""
    page.mouse.move(2, 2)
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")
    shown = np.asarray(Image.open(io.BytesIO(viewport.screenshot())).convert("RGB"))
    group = viewport.locator("[data-testid=image-marks] > g")
    numbers = re.findall(r"-?[\d.]+(?:e-?\d+)?", group.get_attribute("transform") or "")
    a, b, c, d, e, f = map(float, numbers)
    return redness(
        shown,
        [
            (b * (column + 0.5) + d * (row + 0.5) + f, a * (column + 0.5) + c * (row + 0.5) + e)
            for row, column in points
        ],
    )
