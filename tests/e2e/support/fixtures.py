"""One node and one PACS for the whole story, and the head that went through them."""

import io
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest

from api.demo.study import drawn_template, write_instances
from tests.dicom_node.hl7.mllp import acknowledged, system
from tests.e2e.support.node import ENDED, EventRecorder, Node
from tests.e2e.support.pacs import Pacs
from tests.e2e.support.studies import SentStudy, storescu, thinned
from tests.patience import PATIENCE_S
from tests.processes import own_folder
from tests.services import free_port
from tests.shared import SHARED

# Two cores, a cold model, and other tests beside it.
JOB_LIMIT_S = 150.0
DELIVERY_LIMIT_S = PATIENCE_S
REPORT_SERIES_NUMBERS = (9001, 9002)
FEWEST_SLICES = 120


@dataclass(frozen=True)
class FollowedStudy:
    """What happened to one study on its way through the node."""

    study: SentStudy
    job: dict[str, Any]
    """The job as the API shows it at the end, with its findings."""
    progress: list[dict[str, Any]]
    """The job as its event stream showed it, from the first event to the last."""

    @property
    def study_path(self) -> str:
        return f"/api/studies/{self.study.study_instance_uid}"

    def result(self, kind: str) -> dict[str, str]:
        (found,) = [result for result in self.job["results"] if result["kind"] == kind]
        return found


def send(node: Node, study: SentStudy) -> None:
    answer = storescu(study.folder, node.dicom_port)
    if answer.returncode:
        raise AssertionError(f"storescu ended with {answer.returncode}:\n{answer.stderr[-2000:]}")


def job_of(node: Node, study: SentStudy) -> dict[str, Any]:
    """The brain-volume job of a study, once there is one."""

    def look() -> dict[str, Any] | None:
        jobs = node.get(f"/api/jobs?study_instance_uid={study.study_instance_uid}")["items"]
        found = [job for job in jobs if job["pipeline"] == "brain-volume"]
        return found[0] if found else None

    return node.wait_for(look, "a job for the study", PATIENCE_S)


def finished(node: Node, job_id: str, limit_s: float = JOB_LIMIT_S) -> dict[str, Any]:
    def look() -> dict[str, Any] | None:
        job: dict[str, Any] = node.get(f"/api/jobs/{job_id}")
        return job if job["state"] in ENDED else None

    return node.wait_for(look, f"job {job_id} to finish", limit_s)


def deliveries(node: Node, study: SentStudy) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = node.get(f"/api/studies/{study.study_instance_uid}")["deliveries"]
    return found


def report_series(node: Node, study: SentStudy) -> list[str]:
    """The series of the study's report: SR and PDF, each in its own."""
    series = node.get(f"/api/studies/{study.study_instance_uid}")["series"]
    return [
        one["series_instance_uid"]
        for one in series
        if one["origin"] == "generated" and one["series_number"] in REPORT_SERIES_NUMBERS
    ]


def delivered(node: Node, study: SentStudy) -> list[dict[str, Any]]:
    """The deliveries of a study, once the PACS holds all of them, the report's too."""

    def look() -> list[dict[str, Any]] | None:
        if len(report_series(node, study)) < len(REPORT_SERIES_NUMBERS):
            return None
        found = deliveries(node, study)
        wanted = {one["series_instance_uid"] for one in found}
        if not wanted.issuperset(report_series(node, study)):
            return None
        return found if all(one["state"] == "confirmed" for one in found) else None

    return node.wait_for(look, "the PACS to hold the results", DELIVERY_LIMIT_S)


def follow(node: Node, study: SentStudy) -> FollowedStudy:
    """Watch a study that was just sent until its results are in the PACS."""
    job_id = job_of(node, study)["job_id"]
    recorder = EventRecorder(node, f"/api/jobs/{job_id}/events")
    job = finished(node, job_id)
    recorder.join(PATIENCE_S)
    if not recorder.ended.is_set():
        raise AssertionError("The event stream of a finished job did not end.")
    delivered(node, study)
    return FollowedStudy(study, job, recorder.of("job"))


@pytest.fixture(scope="session")
def pacs() -> Iterator[Pacs]:
    with own_folder("pacs") as folder:
        pacs = Pacs(folder)
        pacs.start()
        try:
            yield pacs
        finally:
            pacs.stop()


@pytest.fixture(scope="session")
def ohif_port() -> int:
    """Where OHIF is served: an origin that the node knows, and not its own."""
    return free_port()


@dataclass(frozen=True)
class Ris:
    """The system that gets reports by HL7 v2, with what came."""

    port: int
    taken: list[bytes]


@pytest.fixture(scope="session")
def ris() -> Iterator[Ris]:
    with system(lambda message: acknowledged(message, "AA")) as (port, taken):
        yield Ris(port, taken)


@pytest.fixture(scope="session")
def node(pacs: Pacs, ris: Ris, ohif_port: int) -> Iterator[Node]:
    """The embedded node; tests share it and leave it running, with the PACS up."""
    settings = {
        "MEDIVIEW_DESTINATIONS": pacs.address,
        "MEDIVIEW_HL7_DESTINATIONS": f"ris=mllp://127.0.0.1:{ris.port}",
        "MEDIVIEW_HL7_PORT": str(free_port()),
        "MEDIVIEW_CORS_ORIGINS": f"http://127.0.0.1:{ohif_port}",
    }
    with own_folder("node") as folder:
        node = Node(folder, settings)
        try:
            node.start()
            yield node
        finally:
            node.close()


@pytest.fixture(scope="session")
def study_folder() -> Iterator[Path]:
    """Room for the studies that tests make."""
    with own_folder("studies") as folder:
        yield folder


@pytest.fixture(scope="session")
def whole_head(study_folder: Path) -> SentStudy:
    """A patient's T1 head, or the demo head where the shared data are absent."""
    real = SHARED / "data" / "mr_t1_head"
    if real.is_dir():
        return SentStudy.read(real)
    return SentStudy.read(demo_study(study_folder / "demo"))


@pytest.fixture(scope="session")
def head(whole_head: SentStudy, study_folder: Path) -> SentStudy:
    """Slices of it 2 mm apart: as real, and sooner sent, read and shown than all of them."""
    every = max(1, len(whole_head.sop_instance_uids) // FEWEST_SLICES)
    return thinned(whole_head, study_folder / "head", every)


@pytest.fixture(scope="session")
def untouched_head(whole_head: SentStudy, study_folder: Path) -> SentStudy:
    """The same slices as another study, to which no test adds anything."""
    every = max(1, len(whole_head.sop_instance_uids) // FEWEST_SLICES)
    return thinned(whole_head, study_folder / "untouched", every)


@pytest.fixture(scope="session")
def untouched_followed(node: Node, untouched_head: SentStudy) -> FollowedStudy:
    send(node, untouched_head)
    return follow(node, untouched_head)


@pytest.fixture(scope="session")
def whole_followed(node: Node, whole_head: SentStudy) -> FollowedStudy:
    send(node, whole_head)
    return follow(node, whole_head)


@pytest.fixture(scope="session")
def followed(node: Node, head: SentStudy) -> FollowedStudy:
    """The story: the head was sent, ran, and its results are in the PACS."""
    send(node, head)
    return follow(node, head)


def demo_study(folder: Path) -> Path:
    """The study that `mediview demo` sends, as files.

    As the real one its pixels are not square, it is of the same day, and of a patient whom the
    demo of another test does not share.
    """
    template = drawn_template()
    every_other_row = replace(
        template,
        slices=template.slices[:, ::2],
        lps_from_kji=template.lps_from_kji @ np.diag([1.0, 2.0, 1.0, 1.0]),
    )
    folder.mkdir()
    for number, data in enumerate(write_instances(every_other_row)):
        instance = pydicom.dcmread(io.BytesIO(data))
        instance.StudyDate = "20130717"
        instance.PatientID = "DRAWN"
        instance.save_as(folder / f"{number:04d}.dcm")
    return folder
