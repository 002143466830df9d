"""Orders by FHIR, as an EHR sends them; modalities find them by C-FIND's own list."""

import copy
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from fhirclient.models import fhirelementfactory

from storage.core.clock import utcnow
from storage.settings import load_settings
from tests.api.client import ApiNode, api_node
from tests.migrated import upgrade
from tests.services import free_port

DCM = "http://dicom.nema.org/resources/ontology/DCM"
TYPES = "http://terminology.hl7.org/CodeSystem/v2-0203"
MRN = "https://hospital.example.org/mrn"
CLINIC = "https://clinic-b.example.org/mrn"
ORDER: dict[str, Any] = {
    "resourceType": "ServiceRequest",
    "contained": [
        {
            "resourceType": "Patient",
            "id": "p",
            "identifier": [
                {"system": "urn:other", "value": "X-1"},
                {
                    "type": {"coding": [{"system": TYPES, "code": "MR"}]},
                    "system": CLINIC,
                    "value": "Q-4711",
                },
            ],
            "name": [
                {"text": "Jane", "use": "nickname"},
                {
                    "use": "official",
                    "family": "Döe",
                    "given": ["Jane", "Mary"],
                    "prefix": ["Dr."],
                },
            ],
            "gender": "female",
            "birthDate": "1950-01-02",
        },
        {
            "resourceType": "Practitioner",
            "id": "dr",
            "name": [{"family": "Jones", "given": ["Indira"]}],
        },
    ],
    "identifier": [
        {"type": {"coding": [{"system": TYPES, "code": "PLAC"}]}, "value": "P-9"},
        {"type": {"coding": [{"system": TYPES, "code": "ACSN"}]}, "value": "A-4711"},
    ],
    "status": "active",
    "intent": "order",
    "priority": "stat",
    "code": {
        "coding": [
            {"system": "http://loinc.org", "code": "24590-2", "display": "MR Brain"},
            {"system": "urn:local", "code": "MRB"},
        ],
        "text": "MRI of the brain",
    },
    "orderDetail": [{"coding": [{"system": DCM, "code": "MR"}]}],
    "subject": {"reference": "#p"},
    "requester": {"reference": "#dr"},
    "occurrenceDateTime": "2026-01-31T14:30:00Z",
    "reasonCode": [{"text": "Headache"}],
    "note": [{"text": "Afraid of narrow rooms."}],
}


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiNode]:
    settings = load_settings(
        data_dir=tmp_path_factory.mktemp("orders") / "data",
        http_port=free_port(),
        dicom_port=free_port(),
        free_disk_mark_bytes=0,
        fhir_order_patient_systems=f"{MRN},CLINIC-B={CLINIC}",
    )
    upgrade(settings)
    with api_node(settings) as node:
        yield node


def order(accession: str, **changes: Any) -> dict[str, Any]:
    made = copy.deepcopy(ORDER) | changes
    made["identifier"][1]["value"] = accession
    return made


def send(node: ApiNode, made: dict[str, Any], method: str = "POST", of: str = "") -> Any:
    path = "/fhir/ServiceRequest" + (f"/{of}" if of else "")
    headers = {"Content-Type": "application/fhir+json"}
    return node.client.request(method, path, json=made, headers=headers)


def listed(node: ApiNode, accession: str) -> list[dict[str, Any]]:
    answer = node.client.get("/api/worklist", params={"accession_number": accession})
    return list(answer.json()["items"])


def test_an_order_is_on_the_worklist_changed_by_its_accession_number_and_cancelled(
    node: ApiNode,
) -> None:
    answer = send(node, order("A-1"))
    assert answer.status_code == 201, answer.text
    made = answer.json()
    assert answer.headers["Location"].endswith(f"/fhir/ServiceRequest/{made['id']}")
    read = fhirelementfactory.FHIRElementFactory.instantiate("ServiceRequest", made)
    assert read.as_json() == made
    (item,) = listed(node, "A-1")
    step = item["scheduled_procedure_step_sequence"][0]
    assert item["patient_name"] == "Döe^Jane^Mary^Dr."
    assert (item["patient_id"], item["issuer_of_patient_id"]) == ("Q-4711", "CLINIC-B")
    assert (item["patient_birth_date"], item["patient_sex"]) == ("1950-01-02", "F")
    assert item["requesting_physician"] == "Jones^Indira"
    assert item["placer_order_number_imaging_service_request"] == "P-9"
    assert item["requested_procedure_priority"] == "STAT"
    assert item["requested_procedure_description"] == "MRI of the brain"
    assert item["requested_procedure_code_sequence"] == [
        {"code_value": "24590-2", "coding_scheme_designator": "LN", "code_meaning": "MR Brain"}
    ]
    assert item["reason_for_the_requested_procedure"] == "Headache"
    assert item["requested_procedure_comments"] == "Afraid of narrow rooms."
    assert (step["modality"], step["scheduled_station_ae_title"]) == ("MR", "ANY")
    begins = datetime.fromisoformat(made["occurrenceDateTime"])
    assert begins == datetime(2026, 1, 31, 14, 30, tzinfo=UTC)

    again = send(node, order("A-1", priority="routine"))
    assert again.status_code == 200, again.text
    assert again.json()["id"] == made["id"]
    (item,) = listed(node, "A-1")
    assert item["requested_procedure_priority"] == "ROUTINE"

    cancelled = send(node, order("A-1", id=made["id"], status="revoked"), "PUT", made["id"])
    assert cancelled.status_code == 200, cancelled.text
    assert cancelled.json()["status"] == "revoked"
    assert listed(node, "A-1")[0]["state"] == "cancelled"
    found = node.client.get(f"/fhir/ServiceRequest/{made['id']}")
    assert found.json()["status"] == "revoked"


def test_an_older_message_of_an_order_reverts_nothing(node: ApiNode) -> None:
    newer = order("A-2", meta={"lastUpdated": "2026-01-02T00:00:00Z"}, priority="stat")
    older = order("A-2", meta={"lastUpdated": "2026-01-01T00:00:00Z"}, priority="routine")
    assert send(node, newer).status_code == 201
    late = send(node, older)
    assert late.status_code == 409
    assert late.json()["issue"][0]["code"] == "conflict"
    assert listed(node, "A-2")[0]["requested_procedure_priority"] == "STAT"


def test_an_order_that_states_the_year_9999_can_be_changed_later(node: ApiNode) -> None:
    """What lies in the future counts as the time of its arrival."""
    ahead = order("A-9999", meta={"lastUpdated": "9999-01-01T00:00:00Z"}, priority="stat")
    assert send(node, ahead).status_code == 201
    now = order("A-9999", meta={"lastUpdated": utcnow().isoformat()}, priority="routine")
    assert send(node, now).status_code == 200
    assert listed(node, "A-9999")[0]["requested_procedure_priority"] == "ROUTINE"


def test_an_order_that_is_repeated_at_once_is_one_item(node: ApiNode) -> None:
    def send_one(number: int) -> int:
        return int(send(node, order("A-RACE", note=[{"text": f"try {number}"}])).status_code)

    with ThreadPoolExecutor(6) as senders:
        statuses = list(senders.map(send_one, range(6)))
    assert sorted(statuses) == [200] * 5 + [201]
    assert len(listed(node, "A-RACE")) == 1


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"status": "draft"}, "ServiceRequest.status"),
        ({"status": "on-hold"}, "ServiceRequest.status"),
        ({"intent": "proposal"}, "ServiceRequest.intent"),
        ({"orderDetail": None}, "ServiceRequest.orderDetail"),
        ({"subject": {"reference": "Patient/7"}}, "ServiceRequest.subject"),
        ({"subject": None}, "ServiceRequest.subject"),
        ({"subject": {"reference": "#dr"}}, "ServiceRequest.subject"),
        ({"identifier": [{"value": "A"}, {"value": "B"}]}, "ServiceRequest.identifier"),
        ({"occurrenceDateTime": "tomorrow"}, "ServiceRequest.occurrenceDateTime"),
        ({"occurrenceDateTime": "9999-12-31T23:59:59-12:00"}, "ServiceRequest.occurrence"),
        ({"occurrenceDateTime": "0001-01-01T00:00:00+14:00"}, "ServiceRequest.occurrence"),
        ({"meta": {"lastUpdated": "0001-01-01T00:00:00+14:00"}}, "ServiceRequest.meta.lastUpdated"),
        ({"colour": "red"}, "ServiceRequest.colour"),
        ({"resourceType": "Patient"}, "The body"),
    ],
)
def test_what_is_no_order_is_refused_by_its_place_without_a_value(
    node: ApiNode, changes: dict[str, Any], place: str
) -> None:
    made = order("A-3", **changes)
    answer = send(node, {name: value for name, value in made.items() if value is not None})
    assert answer.status_code == 422, answer.text
    (issue,) = answer.json()["issue"]
    assert issue["details"]["text"].startswith(place), issue
    assert not {"Döe", "Q-4711", "tomorrow", "1950"} & set(answer.text.replace('"', " ").split())
    assert listed(node, "A-3") == []


def test_a_patient_of_an_unknown_system_or_without_name_is_refused(node: ApiNode) -> None:
    unknown = order("A-4")
    unknown["contained"][0]["identifier"] = [{"system": "urn:elsewhere", "value": "Q-4711"}]
    answer = send(node, unknown)
    assert answer.status_code == 422
    assert "MEDIVIEW_FHIR_ORDER_PATIENT_SYSTEMS" in answer.text
    assert "Q-4711" not in answer.text
    nameless = order("A-4")
    del nameless["contained"][0]["name"]
    answer = send(node, nameless)
    assert answer.status_code == 422
    assert "Patient.name" in answer.text
    long = order("A-" + "4" * 30)
    answer = send(node, long)
    assert answer.status_code == 422
    assert "ACSN" in answer.text


def test_an_order_keeps_its_accession_number(node: ApiNode) -> None:
    send(node, order("A-6"))
    made = send(node, order("A-7")).json()
    for number in ("A-6", "A-8"):
        answer = send(node, order(number, id=made["id"]), "PUT", made["id"])
        assert answer.status_code == 422, answer.text
        assert "ACSN" in answer.text
    assert [len(listed(node, number)) for number in ("A-6", "A-7", "A-8")] == [1, 1, 0]


def test_only_what_is_there_is_put_and_only_json_is_read(node: ApiNode) -> None:
    unknown = "0f5b3a6c-0000-4000-8000-000000000000"
    assert send(node, order("A-5", id=unknown), "PUT", unknown).status_code == 404
    made = send(node, order("A-5")).json()
    assert send(node, order("A-5"), "PUT", made["id"]).status_code == 422
    for content, kind, status in (
        (b"<ServiceRequest/>", "application/fhir+xml", 415),
        (b"{", "application/fhir+json", 422),
        (b'{"a":' * 20_000, "application/fhir+json", 413),
        (b"[]", "application/fhir+json", 422),
    ):
        answer = node.client.post(
            "/fhir/ServiceRequest", content=content, headers={"Content-Type": kind}
        )
        assert answer.status_code == status, answer.text
        assert answer.json()["resourceType"] == "OperationOutcome"


def test_the_number_of_another_system_is_another_order(node: ApiNode) -> None:
    def of_system(**issuer: Any) -> dict[str, Any]:
        made = order("A-ISSUED")
        made["identifier"][1] |= issuer
        return made

    north, south = {"system": "urn:oid:1.2.3"}, {"system": "https://south.example.org/accession"}
    first = send(node, of_system(**north))
    second = send(node, of_system(**south))
    named = send(node, of_system(assigner={"display": "RIS West"}))
    assert (first.status_code, second.status_code) == (201, 201)
    assert first.json()["id"] != second.json()["id"]
    # Neither of the two can be compared with a name.
    assert named.status_code == 200, named.text
    again = send(node, of_system(**north, assigner={"display": "The Northern Hospital"}))
    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])
    shown = {one["identifier"][0]["system"] for one in (first.json(), second.json())}
    assert shown == {"urn:oid:1.2.3", "https://south.example.org/accession"}
    read = fhirelementfactory.FHIRElementFactory.instantiate("ServiceRequest", named.json())
    assert read.as_json() == named.json()
    wrong = send(node, of_system(**south) | {"id": first.json()["id"]}, "PUT", first.json()["id"])
    assert wrong.status_code == 422
    (item,) = [
        one for one in listed(node, "A-ISSUED") if one["worklist_item_id"] == first.json()["id"]
    ]
    (issuer,) = item["issuer_of_accession_number_sequence"]
    assert (issuer["universal_entity_id"], issuer["universal_entity_id_type"]) == ("1.2.3", "ISO")
