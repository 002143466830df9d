"""An administrator looks at what messages changed of patients, undoes it, and moves studies."""

import json
from io import BytesIO

import pytest
from pydicom import dcmread
from typer.testing import CliRunner

from api.cli.studies.patients import app
from api.dicomweb.instances.metadata import make_metadata
from storage.audit.query import AuditFilter, find_events
from storage.core.clock import utcnow
from storage.core.entities import Instance
from storage.core.uids import derive_uid
from storage.patient_identity.entities import Demographics, Origin, PatientKey, Statement
from storage.settings import Settings, load_settings
from tests.api.client import ApiNode, api_node, is_problem
from tests.api.usual_logging import logging_as_before
from tests.dicom_node.hl7.mllp import system
from tests.dicom_node.patient_identity.manager import answered
from tests.dicom_node.patient_identity.test_hl7_queries import SYSTEMS
from tests.storage.instances import part10

STUDY = str(derive_uid("test", "s"))
OTHER = str(derive_uid("test", "t"))
ADMIN = Origin("ada", "account:1", reason="wrong card")
REASON = {"reason": "Scanned under the card of the patient before"}


def fill(api: ApiNode) -> None:
    for study, patient_id, name in (("s", "A", "Muster^Anna"), ("t", "B", "Beispiel^Bo")):
        api.storage.ingest.accept(part10(study, PatientID=patient_id, PatientName=name), "test")


def served(api: ApiNode) -> set[tuple[str, str]]:
    """Patient ID and name of the study, by every way that it is served over HTTP."""
    study = f"/dicom-web/studies/{STUDY}"
    series = f"{study}/series/{derive_uid('test', 's', 's' and 'series')}"
    instance = f"{series}/instances/{derive_uid('test', 's', 'series', 'instance')}"
    found = []
    for path in (f"/dicom-web/studies?StudyInstanceUID={STUDY}", f"{study}/metadata"):
        (one,) = api.client.get(path, headers={"Accept": "application/dicom+json"}).json()
        found.append((one["00100020"]["Value"][0], one["00100010"]["Value"][0]["Alphabetic"]))
    for accept in ("application/dicom", "application/dicom; transfer-syntax=1.2.840.10008.1.2.1"):
        answer = api.client.get(instance, headers={"Accept": accept})
        assert answer.status_code == 200, answer.text
        single = dcmread(BytesIO(answer.content))
        found.append((single.PatientID, str(single.PatientName)))
    many = api.client.get(study, headers={"Accept": 'multipart/related; type="application/dicom"'})
    part = many.content[many.content.index(b"DICM") - 128 :]
    whole = dcmread(BytesIO(part[: part.rindex(b"\r\n--")]))
    found.append((whole.PatientID, str(whole.PatientName)))
    listed = api.client.get(f"/api/studies/{STUDY}").json()
    found.append((listed["patient_id"], listed["patient_name"]))
    imaging = api.client.get(f"/fhir/ImagingStudy?identifier=urn:oid:{STUDY}").json()
    assert imaging["total"] == 1
    by_patient = api.client.get(f"/fhir/ImagingStudy?patient.identifier={listed['patient_id']}")
    assert by_patient.json()["total"] == len(
        api.storage.index.studies(9, 0, listed["patient_id"])[0]
    )
    return set(found)


def test_a_study_is_moved_and_everything_says_so_until_it_is_undone(api: ApiNode) -> None:
    fill(api)
    assert served(api) == {("A", "Muster^Anna")}
    body = {"study_instance_uid": STUDY, "patient_id": "B", **REASON}
    moved = api.client.post("/api/patient-changes/moves", json=body)
    assert moved.status_code == 201, moved.text
    assert moved.json()["study_instance_uids"] == [STUDY]
    assert served(api) == {("B", "Beispiel^Bo")}
    is_problem(api.client.post("/api/patient-changes/moves", json=body), 400, "invalid_request")
    (listed,) = api.client.get("/api/patient-changes?patient_id=B").json()["items"]
    assert (listed["kind"], listed["reason"], listed["undone_at"]) == (
        "move",
        *REASON.values(),
        None,
    )

    undo = f"/api/patient-changes/{listed['change_id']}/undo"
    assert api.client.post(undo, json=REASON).json()["study_instance_uids"] == [STUDY]
    assert served(api) == {("A", "Muster^Anna")}
    is_problem(api.client.post(undo, json=REASON), 409, "state_conflict")
    api.storage.audit.flush()
    events, _ = find_events(api.storage.engine, AuditFilter(text="patient_change"), 9, 0)
    assert [one.detail["patient_change"] for one in events if "patient_change" in one.detail] == [
        "undo",
        "move",
    ]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"study_instance_uid": STUDY, "patient_id": "B"},
        {"study_instance_uid": STUDY, "patient_id": "A\\B", **REASON},
        {"study_instance_uid": STUDY, "patient_id": "B", "patient_birth_date": "soon", **REASON},
    ],
)
def test_a_move_without_what_it_needs_is_refused(
    reading_api: ApiNode, body: dict[str, str]
) -> None:
    answer = reading_api.client.post("/api/patient-changes/moves", json=body)
    assert answer.status_code == 422, answer.text


@logging_as_before()
def test_the_command_line_does_the_same(api: ApiNode, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(api)
    monkeypatch.setenv("COLUMNS", "160")
    monkeypatch.setenv("MEDIVIEW_DATA_DIR", str(api.storage.settings.data_dir))
    merge = Statement(
        "merge", PatientKey("A", ""), Demographics("Muster^Anna"), PatientKey("B", "")
    )
    recorded = api.storage.patient_changes.record([merge], Origin("HL7 RIS"), utcnow())
    assert recorded is not None
    run = CliRunner().invoke
    listed = run(app, ["list"]).output
    assert "B merged into A" in " ".join(listed.split())
    undone = run(app, ["undo", recorded.change_ids[0], "--reason", "Two people"])
    assert "1 study has another patient now" in undone.output
    moved = run(app, ["move", OTHER, "A", "--reason", "Wrong card"])
    assert moved.exit_code == 0, moved.output
    assert api.storage.index.study(OTHER).patient_name == "Muster^Anna"
    link = ["link", "A", "C-9", "--other-issuer", "CITY", "--reason", "Two cards"]
    assert "count with those of the other ID now" in run(app, link).output
    assert "linked already" in run(app, link).output
    assert "C-9 of CITY linked with A" in " ".join(run(app, ["list"]).output.split())
    (change,), _ = api.storage.patient_changes.page(1, 0, kind="link")
    unlinked = run(app, ["undo", change.change_id, "--reason", "Two people"])
    assert unlinked.exit_code == 0, unlinked.output


def test_metadata_read_during_a_correction_are_not_those_of_the_patient_before(
    api: ApiNode,
) -> None:
    for instance in ("one", "two"):
        file = part10("s", instance=instance, PatientID="A", PatientName="Old^Anna")
        api.storage.ingest.accept(file, "test")

    def names(rows: list[Instance]) -> set[str]:
        found = json.loads(make_metadata(api.storage, rows, "", gzipped=False))
        return {one["00100010"]["Value"][0]["Alphabetic"] for one in found}

    def rename(name: str) -> str:
        change = Statement("demographics", PatientKey("A", ""), Demographics(name))
        return api.storage.patient_changes.record([change], ADMIN, utcnow()).change_ids[0]

    rename("One^Anna")
    rows = api.storage.index.instances_of(STUDY)
    change_id = rename("Two^Anna")
    assert names(rows) == {"Two^Anna"}
    api.storage.patient_changes.undo(change_id, ADMIN, utcnow())
    assert names(api.storage.index.instances_of(STUDY)) == {"One^Anna"}
    metadata = api.client.get(f"/dicom-web/studies/{STUDY}/metadata")
    assert "One^Anna" in metadata.text


def test_two_ids_are_linked_and_unlinked(api: ApiNode) -> None:
    fill(api)
    body = {"patient_id": "A", "other_patient_id": "B", "reason": "One person, two cards"}
    linked = api.client.post("/api/patient-changes/links", json=body)
    assert linked.status_code == 201, linked.text
    (counted,) = linked.json()["study_instance_uids"]
    assert counted in (STUDY, OTHER), "it counts with that of the other ID"
    again = api.client.post("/api/patient-changes/links", json=body)
    is_problem(again, 409, "state_conflict")
    (listed,) = api.client.get("/api/patient-changes?kind=link").json()["items"]
    assert (listed["patient_id"], listed["prior_patient_id"]) in {("A", "B"), ("B", "A")}
    assert api.client.get("/api/patient-changes?kind=move").json()["items"] == []
    undo = f"/api/patient-changes/{listed['change_id']}/undo"
    assert api.client.post(undo, json={"reason": "Two people"}).status_code == 200
    assert api.client.post("/api/patient-changes/links", json=body).status_code == 201
    to_itself = {**body, "other_patient_id": "A"}
    nothing_new = api.client.post("/api/patient-changes/links", json=to_itself)
    is_problem(nothing_new, 409, "state_conflict")


@logging_as_before()
def test_a_patient_is_looked_up_in_the_register(
    api_settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    anna = "PID|1||A^^^HOSPITAL~K-9^^^CLINIC||Muster^Anna||19500102|F"
    with system(lambda question: answered(question, "K22", "OK", anna)) as (port, _):
        stated = {
            "pdq_url": f"mllp://127.0.0.1:{port}",
            "fhir_order_patient_systems": SYSTEMS,
        }
        for name, value in stated.items():
            monkeypatch.setenv(f"MEDIVIEW_{name.upper()}", value)
        monkeypatch.setenv("MEDIVIEW_DATA_DIR", str(api_settings.data_dir))
        monkeypatch.setenv("COLUMNS", "160")
        shown = CliRunner().invoke(app, ["find", "--family", "Muster"])
        assert "K-9 of CLINIC" in " ".join(shown.output.split())
        assert "1 found." in shown.output
        nothing = CliRunner().invoke(app, ["find", "--given", "Anna"])
        assert nothing.exit_code != 0
        same = {**api_settings.model_dump(exclude={"pdq_url", "fhir_order_patient_systems"})}
        with api_node(load_settings(**same)) as api:
            found = api.client.post("/api/patient-changes/lookups", json={"family_name": "Muster"})
            assert found.status_code == 200, found.text
            (one,) = found.json()["items"]
            assert one["patient_name"] == "Muster^Anna"
            ids = [{"patient_id": "A", "issuer_of_patient_id": "HOSPITAL"}]
            assert one["ids"][:1] == ids
            nobody = api.client.post("/api/patient-changes/lookups", json={"given_name": "Anna"})
            assert nobody.status_code == 422, nobody.text


def test_without_a_register_nobody_is_looked_up(reading_api: ApiNode) -> None:
    answer = reading_api.client.post("/api/patient-changes/lookups", json={"patient_id": "A"})
    is_problem(answer, 400, "invalid_request")
    assert "MEDIVIEW_PDQ_URL" in answer.json()["remedy"]
