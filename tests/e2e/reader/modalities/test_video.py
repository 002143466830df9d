"""A person plays the video of an endoscopy in the page."""

import io
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pydicom
import pytest
from playwright.sync_api import expect
from pydicom.uid import MPEG2MPML

from tests.api.client import part10
from tests.api.dicomweb.rendering.test_video import endoscopy, film
from tests.e2e.support.browser import chromium
from tests.e2e.support.node import Node
from tests.e2e.support.waiting import wait_until

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
        wait_until(page, "document.querySelector('video').ended")
        assert video.evaluate("video => [video.videoWidth, video.videoHeight]") == [64, 48]
        expect(shown).to_have_attribute("data-failed", "false")


def mpeg2() -> bytes:
    """MPEG-2 in a transport stream, as older endoscopes store it: no browser plays it."""
    file = io.BytesIO()
    with av.open(file, "w", format="mpegts") as container:
        stream = container.add_stream("mpeg2video", rate=Fraction(25))
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for number in range(12):
            picture = np.full((48, 64, 3), 40 + 10 * number, np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return file.getvalue()


def test_what_no_browser_plays_is_said_and_can_be_downloaded(node: Node, tmp_path: Path) -> None:
    dataset = endoscopy(mpeg2())
    dataset.file_meta.TransferSyntaxUID = MPEG2MPML
    dataset.PatientID = "READS-MPEG2"
    node.api.post(
        "/dicom-web/studies", content=part10(dataset), headers={"Content-Type": "application/dicom"}
    ).raise_for_status()
    with chromium("Failed to load resource") as page:
        page.goto(f"{node.url}/study/?study={dataset.StudyInstanceUID}")
        shown = page.get_by_test_id("stored-video")
        expect(shown).to_have_attribute("data-failed", "true")
        expect(shown.get_by_role("alert")).to_be_visible()
        with page.expect_download() as download:
            shown.get_by_role("link").click()
        download.value.save_as(tmp_path / "video.dcm")
    kept = pydicom.dcmread(tmp_path / "video.dcm")
    assert kept.file_meta.TransferSyntaxUID == MPEG2MPML
    assert kept.PixelData == dataset.PixelData
