"""A film from the modality to the archive and the reader: sent by DCMTK, found by a model."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from numpy.typing import NDArray
from playwright.sync_api import Locator, Page, expect

from tests.e2e.support.browser import chromium
from tests.e2e.support.node import Node
from tests.e2e.support.studies import storescu
from tests.inference.films import SQUARE, bright_classifier, bright_detector, film, part10
from tests.inference.results_support import complaints, save
from tests.inference.small import study_uid
from tests.patience import PATIENCE_S
from tests.services import StoreScpServer, storescp

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

TOP, BOTTOM, LEFT, RIGHT = SQUARE


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreScpServer]:
    with storescp(tmp_path_factory.mktemp("archive")) as server:
        yield server


@pytest.fixture(scope="module")
def film_node(tmp_path_factory: pytest.TempPathFactory, archive: StoreScpServer) -> Iterator[Node]:
    """A node of its own: the models that are added here look at no other study."""
    folder = tmp_path_factory.mktemp("films")
    node = Node(
        folder,
        {
            "MEDIVIEW_DESTINATIONS": f"archive={archive.ae_title}@127.0.0.1:{archive.port}",
            "MEDIVIEW_RESULT_KINDS": "SC",
        },
    )
    try:
        boxes = bright_detector(folder / "boxes", modalities=["DX", "CR"])
        labels = bright_classifier(folder / "labels", name="Bright film", heat_map={"grid": 4})
        for model in (boxes, labels):
            added = node.command("models", "add", str(model))
            assert added.returncode == 0, added.stderr
            assert "It is active" in added.stdout
        node.start()
        yield node
    finally:
        node.close()


def sent(node: Node, folder: Path, *bodies: bytes) -> None:
    folder.mkdir()
    for number, body in enumerate(bodies):
        (folder / f"{number}.dcm").write_bytes(body)
    answer = storescu(folder, node.dicom_port)
    assert answer.returncode == 0, answer.stderr[-2000:]


def results(node: Node, study_instance_uid: str, pipeline: str) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        jobs = node.get(f"/api/jobs?study_instance_uid={study_instance_uid}")["items"]
        ended = [
            one
            for one in jobs
            if one["pipeline"] == pipeline and one["state"] in ("completed", "failed", "cancelled")
        ]
        return ended[0] if ended else None

    job = node.wait_for(look, f"a result of {pipeline}", PATIENCE_S)
    assert job["state"] == "completed", job
    found: dict[str, Any] = node.get(f"/api/jobs/{job['job_id']}")
    return found


def arrived(
    node: Node, archive: StoreScpServer, *jobs: dict[str, Any]
) -> list[pydicom.FileDataset]:
    """Every object of the jobs, as the archive has it."""
    wanted = {made["sop_instance_uid"] for job in jobs for made in job["results"]}

    def look() -> list[Path] | None:
        # storescp names a file by its modality and its SOP Instance UID.
        files = [one for one in archive.files() if one.name.partition(".")[2] in wanted]
        return files if len(files) == len(wanted) else None

    def is_whole() -> bool:
        # The file is there before it is whole, and whole before storescp answers.
        shown = node.get(f"/api/studies/{jobs[0]['study_instance_uid']}")
        states = [one["state"] for one in shown["deliveries"]]
        return bool(states) and set(states) <= {"sent", "confirmed"}

    files = node.wait_for(look, f"{len(wanted)} results at the archive", PATIENCE_S)
    node.wait_for(is_whole, "the results to be delivered", PATIENCE_S)
    return [pydicom.dcmread(path) for path in files]


@pytest.mark.slow
def test_a_film_gets_boxes_labels_and_a_heat_map_at_the_archive_and_in_the_reader(
    film_node: Node, archive: StoreScpServer, tmp_path: Path
) -> None:
    node, dataset = film_node, film("sent")
    sent(node, tmp_path / "sent", part10(dataset))
    uid = study_uid("sent")
    boxes = results(node, uid, "model-bright-part")
    labels = results(node, uid, "model-bright-film")
    assert [one["kind"] for one in boxes["results"]] == ["SR", "GSPS", "SC"]
    assert [one["kind"] for one in labels["results"]] == ["SR", "SC"]
    at_archive = arrived(node, archive, boxes, labels)
    assert sorted(one.Modality for one in at_archive) == ["OT", "OT", "PR", "SR", "SR"]
    for one in at_archive:
        assert one.PatientID == dataset.PatientID
        assert complaints(save(one, tmp_path / "x.dcm")) == []
    stated = node.get(f"/api/studies/{uid}/findings")["items"]
    (box,) = [one for one in stated if (one["image"] or {}).get("points")]
    assert box["image"]["sop_instance_uid"] == dataset.SOPInstanceUID
    assert box["verification"] == "UNVERIFIED"
    points = np.array(box["image"]["points"])
    assert [*points.min(axis=0), *points.max(axis=0)] == pytest.approx(
        [LEFT, TOP, RIGHT, BOTTOM], abs=4.5
    )
    bright = next(one for one in stated if one["pipeline"] == "model-bright-film")
    assert 0 < bright["confidence"] < 1
    assert bright["calibration"] == ""
    shared = node.get(f"/fhir/Observation?derived-from=ImagingStudy/{uid}")
    regions = [
        part["valueString"]
        for entry in shared["entry"]
        for part in entry["resource"].get("component", ())
        if part["code"]["coding"][0]["code"] == "111030"
    ]
    assert len(regions) == 1
    assert regions[0].startswith("POLYLINE ")
    with chromium() as page:
        page.goto(f"{node.url}/study/?study={uid}")
        viewport = page.get_by_test_id("viewport").first
        expect(viewport).to_have_attribute("data-image-rendered", "true", timeout=60_000)
        state = page.get_by_test_id("presentation-state")
        expect(state).to_contain_text("Boxes by AI")
        # Who chooses the box among the findings sees it.
        row = page.get_by_test_id("structure").filter(has_text="Bright part 1")
        row.get_by_role("button").last.click()
        expect(viewport.get_by_test_id("graphic-mark")).to_have_count(1)
        corner = points.min(axis=0)
        # The view may still find its size while the finding unfolds.
        node.wait_for(
            lambda: np.abs(under_cursor_at_box(page, viewport) - corner).max() <= 6,
            "the box to lie on its pixels",
            PATIENCE_S,
        )


def under_cursor_at_box(page: Page, viewport: Locator) -> NDArray[np.float64]:
    """Column and row of the image just inside the upper left corner of the drawn box."""
    drawn = viewport.get_by_test_id("graphic-mark").bounding_box()
    assert drawn is not None
    page.mouse.move(drawn["x"] + drawn["width"] / 2, drawn["y"] + drawn["height"] / 2)
    page.mouse.move(drawn["x"] + 4, drawn["y"] + 4, steps=2)
    value = viewport.get_by_test_id("cursor-value")
    read = [value.get_attribute(f"data-{axis}") or "nan" for axis in ("column", "row")]
    return np.array([float(one) for one in read])


@pytest.mark.slow
def test_a_real_compressed_film_is_taken_and_another_gets_its_reason(
    film_node: Node, shared_data: Path, tmp_path: Path
) -> None:
    """A CR in MONOCHROME1 and JPEG 2000; and a film that no card takes."""
    answer = film_node.command(
        "send", str(shared_data / "cxr"), "--to", f"MEDIVIEW@127.0.0.1:{film_node.dicom_port}"
    )
    assert answer.returncode == 0, answer.stderr
    real = pydicom.dcmread(shared_data / "cxr" / "RG1_J2KI.dcm", stop_before_pixels=True)
    job = results(film_node, real.StudyInstanceUID, "model-bright-part")
    (count,) = [one for one in job["findings"] if one["label"] == "Boxes found"]
    assert count["value"] == 1.0
    sent(film_node, tmp_path / "other", part10(film("other", Modality="IO")))

    def look() -> str | None:
        decided = film_node.get(f"/api/studies/{study_uid('other')}")["decisions"]
        reasons = [one["reason"] for one in decided if one["pipeline"] == "model-bright-part"]
        return reasons[0] if reasons else None

    reason = film_node.wait_for(look, "the reason", PATIENCE_S)
    assert reason == "Modality is IO; DX, CR is taken."
