"""Worklist items over REST, and that a modality then sees them."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pydicom.dataset import Dataset
from pynetdicom import AE
from pynetdicom.sop_class import ModalityWorklistInformationFind

from dicom_node.server.scp import start_scp
from storage.peers.entities import KnownPeer
from tests.api.client import ApiNode, is_problem

STEP = {
    "modality": "MR",
    "scheduled_station_ae_title": "MR1",
    "scheduled_procedure_step_start_date": "2026-01-31",
    "scheduled_procedure_step_start_time": "14:30:00",
    "scheduled_protocol_code_sequence": [
        {"code_value": "X1", "coding_scheme_designator": "99T", "code_meaning": "T1"}
    ],
}
ITEM: dict[str, Any] = {
    "patient_name": "山田^太郎",
    "patient_id": "P1",
    "patient_birth_date": "1970-12-01",
    "patient_weight": 71.5,
    "accession_number": "A1",
    "issuer_of_accession_number_sequence": [
        {
            "local_namespace_entity_id": "RIS Süd",
            "universal_entity_id": "1.2.3",
            "universal_entity_id_type": "ISO",
        }
    ],
    "requested_procedure_id": "R1",
    "scheduled_procedure_step_sequence": [STEP],
}


def posted(api: ApiNode, **changes: Any) -> dict[str, Any]:
    answer = api.client.post("/api/worklist", json=ITEM | changes)
    assert answer.status_code == 201, answer.text
    item: dict[str, Any] = answer.json()
    assert answer.headers["location"] == f"/api/worklist/{item['worklist_item_id']}"
    return item


def test_what_is_posted_is_listed_and_given_back(stored_api: ApiNode) -> None:
    item = posted(stored_api)
    assert item["state"] == "scheduled"
    assert item["study_instance_uid"].startswith("2.25.")
    assert {name: item[name] for name in ITEM} == ITEM
    assert stored_api.client.get(f"/api/worklist/{item['worklist_item_id']}").json() == item
    posted(stored_api, accession_number="A2", study_instance_uid="1.2.3")
    page = stored_api.client.get("/api/worklist", params={"accession_number": "A2"}).json()
    assert (page["total"], page["items"][0]["study_instance_uid"]) == (1, "1.2.3")


def test_a_modality_sees_it_until_it_is_cancelled(api: ApiNode) -> None:
    item = posted(api)
    url = f"/api/worklist/{item['worklist_item_id']}"
    api.storage.peers.add(KnownPeer("mr1", ae_title="MR1"))
    scp = start_scp(api.storage, 0)
    try:
        (seen,) = _asked(scp.port)
        assert str(seen.PatientName) == ITEM["patient_name"]
        assert seen.StudyInstanceUID == item["study_instance_uid"]
        assert seen.PatientWeight == 71.5
        (issuer,) = seen.IssuerOfAccessionNumberSequence
        assert (issuer.LocalNamespaceEntityID, issuer.UniversalEntityID) == ("RIS Süd", "1.2.3")
        (step,) = seen.ScheduledProcedureStepSequence
        assert step.ScheduledProcedureStepStartTime == "143000"
        changed = api.client.patch(url, json={"patient_id": "P2", "accession_number": ""})
        assert changed.status_code == 200, changed.text
        assert "accession_number" not in changed.json()
        assert _asked(scp.port)[0].PatientID == "P2"
        assert api.client.patch(url, json={"state": "cancelled"}).json()["state"] == "cancelled"
        assert _asked(scp.port) == []
        assert api.client.patch(url, json={"state": "scheduled"}).is_success
        assert len(_asked(scp.port)) == 1
        assert api.client.delete(url).status_code == 204
        assert _asked(scp.port) == []
    finally:
        scp.shutdown()
    is_problem(api.client.get(url), 404, "not_found")
    is_problem(api.client.delete(url), 404, "not_found")
    is_problem(api.client.patch(url, json={"patient_id": "P3"}), 404, "not_found")


@pytest.mark.parametrize(
    "changes",
    [
        {"patient_name": ""},
        {"patient_id": "A\\B"},
        {"patient_id": "A\u0000"},
        {"accession_number": "a number of far too many characters"},
        {"study_instance_uid": "1..2"},
        {"patient_birth_date": "19701301"},
        {"scheduled_procedure_step_sequence": []},
        {"scheduled_procedure_step_sequence": [STEP | {"modality": "mr"}]},
        {"scheduled_procedure_step_sequence": [STEP | {"scheduled_station_ae_title": "  "}]},
        {"patients_name": "mistyped"},
        {"state": "LOST"},
    ],
)
def test_what_a_modality_could_not_take_is_refused(api: ApiNode, changes: dict[str, Any]) -> None:
    problem = is_problem(
        api.client.post("/api/worklist", json=ITEM | changes), 422, "validation_failed"
    )
    assert problem["remedy"]
    assert api.client.get("/api/worklist").json()["total"] == 0


def test_what_an_item_needs_cannot_be_taken_away(api: ApiNode) -> None:
    url = f"/api/worklist/{posted(api)['worklist_item_id']}"
    for name in ("patient_id", "study_instance_uid"):
        is_problem(api.client.patch(url, json={name: ""}), 422, "validation_failed")
    empty = {"scheduled_procedure_step_sequence": []}
    is_problem(api.client.patch(url, json=empty), 422, "validation_failed")


def _asked(port: int) -> list[Dataset]:
    keys = Dataset()
    keys.PatientName = keys.PatientID = keys.StudyInstanceUID = keys.PatientWeight = None
    keys.IssuerOfAccessionNumberSequence = []
    keys.ScheduledProcedureStepSequence = []
    ae = AE("MR1")
    ae.add_requested_context(ModalityWorklistInformationFind)
    association = ae.associate("127.0.0.1", port)
    found = [
        one for _, one in association.send_c_find(keys, ModalityWorklistInformationFind) if one
    ]
    association.release()
    return found


def test_an_accession_number_names_one_item(api: ApiNode) -> None:
    """Of several posts at once one makes it: HL7 and FHIR would not know which of two to change."""
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: api.client.post("/api/worklist", json=ITEM), range(4)))
    assert sorted(one.status_code for one in answers) == [201, 409, 409, 409]
    refused = next(one for one in answers if one.status_code == 409)
    assert "PATCH" in is_problem(refused, 409, "state_conflict")["remedy"]
    (item,) = api.client.get("/api/worklist", params={"accession_number": "A1"}).json()["items"]
    url = f"/api/worklist/{item['worklist_item_id']}"
    assert api.client.patch(url, json={"state": "cancelled"}).is_success
    is_problem(api.client.post("/api/worklist", json=ITEM), 409, "state_conflict")
    other = posted(api, accession_number="A2", study_instance_uid="1.2.3")
    theirs = f"/api/worklist/{other['worklist_item_id']}"
    is_problem(api.client.patch(theirs, json={"accession_number": "A1"}), 409, "state_conflict")
    assert api.client.patch(theirs, json={"accession_number": "A3"}).is_success
    assert api.client.patch(url, json={"state": "scheduled"}).json()["state"] == "scheduled"
    without = {name: value for name, value in ITEM.items() if name != "accession_number"}
    for _ in range(2):
        assert api.client.post("/api/worklist", json=without).status_code == 201
