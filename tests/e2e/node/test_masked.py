"""A patient whose every value is marked goes through the node; no line of it shows the mark.

The whole is run once with the log at DEBUG: stored by STOW-RS, C-STORE and upload,
asked for in every way and in wrong ways, worked on, delivered. Then every log
line, metric and error answer is searched. The same run shows one request id
from the HTTP request to the delivery.
"""

import io
import json
import re
import warnings
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pydicom
import pytest
from pydicom.dataset import Dataset, FileMetaDataset
from pynetdicom import AE, _config
from pynetdicom.sop_class import (
    ModalityWorklistInformationFind,
    PatientRootQueryRetrieveInformationModelFind,
    StudyRootQueryRetrieveInformationModelMove,
)

from tests.audit_schema import check_message
from tests.e2e.support.fixtures import finished
from tests.e2e.support.node import Node
from tests.e2e.support.studies import SentStudy, files, storescu
from tests.processes import own_folder
from tests.services import storescp

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

MARK = "Qzxmark"
PATIENT_ID = f"{MARK}-4711"
BIRTH_DATE = "19071203"
NAME = f"{MARK}^Müller"
MARKS = tuple(one.lower().encode() for one in (MARK, BIRTH_DATE, "Müller", "M%C3%BCller"))
REQUEST_ID = "the-story-of-one-request"


@dataclass
class Story:
    node: Node
    answers: list[httpx.Response] = field(default_factory=list)
    printed: list[str] = field(default_factory=list)

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        answer = self.node.api.request(method, path, **options)
        self.answers.append(answer)
        return answer

    def command(self, *arguments: str) -> str:
        ended = self.node.command(*arguments)
        self.printed.append(ended.stderr)
        return ended.stdout


@pytest.fixture(scope="module")
def story(head: SentStudy) -> Iterator[Story]:
    with own_folder("masked") as folder, storescp(folder, ae_title="ARCHIVE") as archive:
        node = Node(
            folder,
            {
                "MEDIVIEW_DESTINATIONS": f"archive=ARCHIVE@127.0.0.1:{archive.port}",
                "MEDIVIEW_LOG_LEVEL": "DEBUG",
                "MEDIVIEW_UNKNOWN_PEERS_MAY": "store,query,retrieve,commit,worklist",
                "MEDIVIEW_LOG_FORMAT": "json",
            },
        )
        try:
            node.start()
            story = Story(node)
            with warnings.catch_warnings():
                # Values that are wrong on purpose.
                warnings.simplefilter("ignore")
                _live(story, head, folder)
            yield story
        finally:
            node.close()


def marked(dataset: Dataset) -> Dataset:
    dataset.SpecificCharacterSet = "ISO_IR 192"
    dataset.PatientName = NAME
    dataset.PatientID = PATIENT_ID
    dataset.PatientBirthDate = BIRTH_DATE
    dataset.AccessionNumber = f"{MARK}ACC"
    dataset.StudyID = f"{MARK}SID"
    dataset.StudyDescription = f"{MARK} head"
    dataset.ReferringPhysicianName = f"{MARK}^Doctor"
    dataset.OtherPatientIDs = f"{MARK}-other"
    return dataset


def _live(story: Story, study: SentStudy, folder: Path) -> None:
    head = folder / "head"
    head.mkdir()
    for path in files(study.folder):
        marked(pydicom.dcmread(path)).save_as(head / path.name)
    first = pydicom.dcmread(files(head)[0])
    _by_stow(story, files(head))
    _by_dimse(story, head, folder / "other")
    _by_upload(story, first)
    _ask_well_and_badly(story, str(first.StudyInstanceUID))
    _ask_by_dimse(story)

    def job() -> dict[str, Any] | None:
        listed = story.node.get(f"/api/jobs?study_instance_uid={first.StudyInstanceUID}")
        found = [one for one in listed["items"] if one["pipeline"] == "brain-volume"]
        return found[0] if found else None

    finished(story.node, story.node.wait_for(job, "a job", 60)["job_id"])

    def arrived() -> bool:
        shown = story.node.get(f"/api/studies/{first.StudyInstanceUID}")
        states = [one["state"] for one in shown["deliveries"]]
        return bool(states) and set(states) <= {"sent", "confirmed"}

    story.node.wait_for(arrived, "the results to be delivered", 60)
    story.command("doctor")
    story.command("peers", "list")
    story.command("storage", "delete", "--yes", str(first.StudyInstanceUID))
    # A look is sealed a minute after it began; what else there is, within seconds.
    story.node.wait_for(
        # DICOM Instances Transferred.
        lambda: story.node.get("/api/audit?code=110104&limit=1")["total"] > 0,
        "the trail",
        20,
    )


def _by_stow(story: Story, paths: list[Path]) -> None:
    parts = [
        b"--b\r\nContent-Type: application/dicom\r\n\r\n" + path.read_bytes() + b"\r\n"
        for path in paths
    ]
    kind = 'multipart/related; type="application/dicom"; boundary=b'
    answer = story.ask(
        "POST",
        "/dicom-web/studies",
        content=b"".join(parts) + b"--b--",
        headers={"Content-Type": kind, "X-Request-ID": REQUEST_ID},
    )
    assert answer.status_code == 200, answer.text
    broken = paths[0].read_bytes()[:600]
    single = {"Content-Type": "application/dicom"}
    story.ask("POST", "/dicom-web/studies", content=broken, headers=single)
    story.ask("POST", f"/dicom-web/studies/{MARK}", content=broken, headers=single)


def _by_dimse(story: Story, head: Path, folder: Path) -> None:
    folder.mkdir()
    (folder / "one.dcm").write_bytes(files(head)[0].read_bytes())
    conflicting = pydicom.dcmread(files(head)[1])
    conflicting.PatientComments = f"{MARK} changed"
    conflicting.save_as(folder / "two.dcm")
    storescu(folder, story.node.dicom_port)
    odd = marked(Dataset())
    odd.SOPClassUID = pydicom.uid.CTImageStorage
    odd.SOPInstanceUID = "2.25.99"
    odd.file_meta = FileMetaDataset()
    odd.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
    entity = AE("MODALITY")
    entity.add_requested_context(odd.SOPClassUID)
    association = entity.associate("127.0.0.1", story.node.dicom_port)
    assert association.send_c_store(odd).Status != 0
    association.release()


def _by_upload(story: Story, dataset: Dataset) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(f"{MARK}/notes.txt", f"{NAME} {BIRTH_DATE}")
        archive.writestr(f"{MARK}/broken.dcm", bytes(128) + b"DICM" + NAME.encode())
    for data, name, kind in (
        (buffer.getvalue(), f"{MARK}.zip", "application/zip"),
        (NAME.encode() * 50, f"{MARK}.dcm", "application/dicom"),
    ):
        presigned = story.ask(
            "POST",
            "/api/uploads/presign",
            json={"filename": name, "content_type": kind, "size_bytes": len(data)},
        ).json()
        sent = httpx.put(presigned["url"], headers=presigned["headers"], content=data)
        story.answers.append(sent)
        story.ask("POST", "/api/analyze/start", json={"upload_id": presigned["upload_id"]})
    del dataset


def _ask_well_and_badly(story: Story, study: str) -> None:
    def get(path: str, **asked: str) -> httpx.Response:
        return story.ask("GET", path, params=asked)

    assert get("/dicom-web/studies", PatientName=f"{MARK}*").json()
    get("/dicom-web/studies", PatientID=PATIENT_ID, StudyDate=NAME)
    get("/dicom-web/studies", PatientBirthDate=BIRTH_DATE, limit=NAME)
    get("/dicom-web/studies", includefield=NAME)
    get("/dicom-web/studies", **{NAME: NAME})
    get(f"/dicom-web/studies/{PATIENT_ID}/metadata")
    get(f"/dicom-web/studies/{study}/series/{NAME}/instances")
    get(f"/dicom-web/studies/{study}/series/1.2/instances/1.3/frames/{NAME}")
    get("/dicom-web/nowhere", PatientName=NAME)
    get(f"/api/{NAME}")
    get("/api/studies", text=MARK, state=NAME)
    get("/api/studies", search=NAME, limit=BIRTH_DATE)
    get(f"/api/studies/{NAME}")
    get("/api/audit", patient_id=PATIENT_ID)
    get("/api/audit", since=NAME)
    get("/fhir/ImagingStudy", patient=NAME, _count=NAME)
    get("/dicom-web/wado", requestType=NAME, studyUID=study, seriesUID=NAME, objectUID="1")
    story.ask("POST", "/api/jobs", json={"pipeline": NAME, "series_instance_uid": "1.2.3"})
    story.ask("POST", "/api/jobs", content=f"{{{NAME}".encode())
    item = {
        "patient_name": NAME,
        "patient_id": PATIENT_ID,
        "patient_birth_date": BIRTH_DATE,
        "accession_number": f"{MARK}ACC",
        "requested_procedure_id": "RP1",
        "scheduled_procedure_step_sequence": [
            {
                "modality": "MR",
                "scheduled_station_ae_title": "MR1",
                "scheduled_procedure_step_start_date": "20260101",
                "scheduled_procedure_step_start_time": "080000",
                "scheduled_procedure_step_id": "S1",
            }
        ],
    }
    story.ask("POST", "/api/worklist", json=item)
    story.ask("POST", "/api/worklist", json={**item, "patient_birth_date": NAME})


def _ask_by_dimse(story: Story) -> None:
    _config.LOG_HANDLER_LEVEL = "none"
    entity = AE("ASKING")
    for uid in (
        PatientRootQueryRetrieveInformationModelFind,
        ModalityWorklistInformationFind,
        StudyRootQueryRetrieveInformationModelMove,
    ):
        entity.add_requested_context(uid)
    association = entity.associate("127.0.0.1", story.node.dicom_port)
    for level in ("PATIENT", "STUDY", MARK.upper()):
        keys = Dataset()
        keys.QueryRetrieveLevel = level
        keys.PatientName = f"{MARK}*"
        keys.PatientID = PATIENT_ID
        keys.PatientBirthDate = BIRTH_DATE
        list(association.send_c_find(keys, PatientRootQueryRetrieveInformationModelFind))
        assert association.is_established, f"The association ended after {level}."
    keys = Dataset()
    keys.PatientName = f"{MARK}*"
    keys.AccessionNumber = f"{MARK}ACC"
    list(association.send_c_find(keys, ModalityWorklistInformationFind))
    keys.QueryRetrieveLevel = "STUDY"
    keys.StudyInstanceUID = PATIENT_ID
    for destination in ("ARCHIVE", MARK[:16]):
        list(association.send_c_move(keys, destination, StudyRootQueryRetrieveInformationModelMove))
    association.release()


def _shows(content: bytes) -> list[bytes]:
    """Lines that show the mark, however it is written."""
    return [
        line[:400]
        for line in content.splitlines()
        if any(mark in line.lower() or mark in _unescaped(line) for mark in MARKS)
    ]


def _unescaped(line: bytes) -> bytes:
    return line.lower().replace(b"\\u00fc", "ü".encode()).replace(b"\\xc3\\xbc", "ü".encode())


def test_no_log_line_of_any_process_shows_the_patient(story: Story) -> None:
    log = story.node.log.read_bytes()
    assert log.count(b"http_request") > 20
    # A move destination is an AE title, which is no patient's.
    lines = [line for line in _shows(log) if b'"move_destination"' not in line]
    assert not lines, lines


def test_no_metric_and_no_word_of_the_health_shows_the_patient(story: Story) -> None:
    for path in ("/metrics", "/health", "/api/openapi.json"):
        answer = story.node.api.get(path)
        assert not _shows(answer.content), path


def test_no_error_answer_shows_the_patient(story: Story) -> None:
    refused = [answer for answer in story.answers if answer.status_code >= 400]
    assert len(refused) >= 10
    assert all(answer.status_code < 500 for answer in refused), refused
    # Who uploads an archive is told which file in it was refused, by the name that it has there.
    shown = {
        f"{one.request.method} {one.request.url.path}": _shows(
            re.sub(rb'"name":"[^"]*"', b"", one.content)
        )
        for one in refused
    }
    assert not {path: lines for path, lines in shown.items() if lines}


def test_no_command_complains_with_the_patient(story: Story) -> None:
    assert not _shows("".join(story.printed).encode())


def test_one_request_id_leads_from_the_request_to_the_delivery(story: Story) -> None:
    log = story.node.log.read_text().splitlines()
    # The supervisor puts the role before each line of its processes.
    lines = [json.loads(line[line.index("{") :]) for line in log if line.endswith("}")]
    events = [one["event"] for one in lines if one.get("request_id", "").startswith(REQUEST_ID)]
    for event in ("http_request", "job_scheduled", "job_started", "result_stored", "job_finished"):
        assert event in events, events
    assert "instances_delivered" in events or "instances_sent" in events, events


def test_the_trail_names_the_patient_and_holds(story: Story) -> None:
    listed = story.command("audit", "list", "--patient", PATIENT_ID, "--limit", "200")
    for what in ("Transferring", "Query", "Accessed", "Deleted"):
        assert what in listed, listed
    verified = story.command("audit", "verify")
    assert "The chain holds" in verified, verified
    written = (story.node.folder / "data" / "audit" / "audit.xml").read_bytes()
    messages = written.splitlines()
    assert len(messages) > 10
    for message in messages:
        check_message(message)
    assert PATIENT_ID.encode() in written
