"""A person plays the video of an endoscopy in the page."""

import pytest
from playwright.sync_api import expect

from tests.api.client import part10
from tests.api.dicomweb.rendering.test_video import endoscopy, film
from tests.e2e.support.browser import chromium
from tests.e2e.support.node import Node

pytestmark = [pytest.mark.e2e, pytest.mark.slow, pytest.mark.timeout(300)]


def test_a_video_is_played_to_its_end(node: Node) -> None:
    dataset = endoscopy(film())
    node.api.post(
        "/dicom-web/studies", content=part10(dataset), headers={"Content-Type": "application/dicom"}
    ).raise_for_status()
    # A frame of a video is refused, and Chromium writes that to its console.
    with chromium("Failed to load resource") as page:
        page.goto(f"{node.url}/study/?study={dataset.StudyInstanceUID}")
        shown = page.get_by_test_id("stored-video")
        expect(shown).to_have_attribute("data-failed", "false")
        video = shown.locator("video")
        video.evaluate("video => { video.muted = true; return video.play(); }")
        page.wait_for_function("document.querySelector('video').ended")
        assert video.evaluate("video => [video.videoWidth, video.videoHeight]") == [64, 48]
        expect(shown).to_have_attribute("data-failed", "false")
