"""A person's PACS and the viewer open the same studies: Chromium, the node, and a foreign peer."""

import re
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from playwright.sync_api import expect

from tests import builders
from tests.api.fhircast.peers import Peer, name_of, opened, resource
from tests.e2e.support.accessibility import serious_findings
from tests.e2e.support.browser import chromium, keep_screenshot
from tests.e2e.support.fixtures import send
from tests.e2e.support.node import Node
from tests.e2e.support.studies import SentStudy
from tests.patience import PATIENCE_S
from tests.processes import own_folder

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(400)]


@pytest.fixture(scope="module")
def two_studies() -> Iterator[tuple[Node, SentStudy, SentStudy]]:
    with own_folder("fhircast") as folder:
        node = Node(folder, {"MEDIVIEW_FHIRCAST": "true"})
        try:
            node.start()
            studies = [_study(folder / name, seed) for seed, name in enumerate(("first", "second"))]
            for one in studies:
                send(node, one)
            yield node, studies[0], studies[1]
        finally:
            node.close()


def _study(folder: Path, seed: int) -> SentStudy:
    folder.mkdir()
    voxels = np.random.default_rng(seed).integers(0, 900, (3, 32, 32)).astype(np.int16)
    for number, one in enumerate(builders.series(voxels, seed=seed + 11)):
        one.AccessionNumber = f"ACC-{seed}"
        one.save_as(folder / f"{number}.dcm", enforce_file_format=True)
    return SentStudy.read(folder)


@pytest.mark.slow
def test_viewer_and_pacs_follow_each_other(two_studies: tuple[Node, SentStudy, SentStudy]) -> None:
    node, first, second = two_studies
    # The study that is not here is asked for.
    expected = "status of 404"
    with httpx.Client(base_url=node.url, timeout=PATIENCE_S) as http, chromium(expected) as page:
        topic = http.get("/api/v1/fhircast").json()["topic"]
        pacs = Peer(http, topic, "Acme PACS")
        with pacs.listening("ImagingStudy-open,ImagingStudy-close,SyncError") as channel:
            page.goto(f"{node.url}/study/?study={first.study_instance_uid}")
            got = channel.event(timeout_s=PATIENCE_S)
            assert name_of(got) == "ImagingStudy-open"
            assert first.study_instance_uid in str(resource(got, "study")["identifier"])

            # By its UID.
            pacs.announced(opened(topic, second.study_instance_uid))
            assert name_of(channel.event()) == "ImagingStudy-open"
            page.wait_for_url(f"**/study/?study={second.study_instance_uid}")
            notice = page.get_by_test_id("fhircast-notice")
            expect(notice).to_contain_text("opened by another system")
            expect(page.get_by_test_id("viewport").first).to_be_visible()
            keep_screenshot(page, "fhircast")
            assert serious_findings(page) == []
            # Following is not announced as a change of one's own.
            assert channel.is_silent(1.5)

            # By its accession number alone, of another patient, then of the same one.
            by_number = opened(topic, "9.9.9", accession="ACC-0")
            by_number["event"]["context"][0]["resource"]["identifier"].pop(0)
            patient = {**resource(by_number, "patient"), "birthDate": "1958-04-02"}
            by_number["event"]["context"][1]["resource"] = patient
            pacs.announced(by_number)
            channel.event()
            assert name_of(channel.event(timeout_s=PATIENCE_S)) == "SyncError"
            expect(notice).to_contain_text("not known to be of the same patient")
            assert second.study_instance_uid in page.url
            by_number["id"] = str(uuid.uuid4())
            patient["birthDate"] = "1957-03-01"
            pacs.announced(by_number)
            channel.event()
            page.wait_for_url(f"**/study/?study={first.study_instance_uid}", timeout=60_000)

            # One that is not here: the others get a SyncError.
            pacs.announced(opened(topic, f"2.25.{uuid.uuid4().int}"))
            channel.event()
            said = channel.event(timeout_s=PATIENCE_S)
            assert name_of(said) == "SyncError"
            (issue,) = resource(said, "operationoutcome")["issue"]
            assert issue["diagnostics"] == "MediViewAI viewer refused with 404"
            expect(notice).to_contain_text("not on this node")
            page.goto(f"{node.url}/study/?study={second.study_instance_uid}")
            assert name_of(channel.event(timeout_s=PATIENCE_S)) == "ImagingStudy-open"
            expect(page.get_by_test_id("viewport").first).to_be_visible()
            page.wait_for_url("**image=**")
            page.keyboard.press("Escape")
            page.wait_for_url(re.compile(rf"^{re.escape(node.url)}/(#.*)?$"))
            assert name_of(channel.event(timeout_s=PATIENCE_S)) == "ImagingStudy-close"
