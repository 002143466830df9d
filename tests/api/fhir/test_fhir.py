"""FHIR R4 as its clients meet it; each answer is read by fhirclient, made from FHIR 4.0.1."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import httpx
import numpy as np
import pytest
from fhirclient.models import fhirelementfactory
from fhirclient.models.fhirabstractresource import FHIRAbstractResource

from storage.audit import Actor, AuditEvent, Code
from storage.core.clock import utcnow
from storage.reports.entities import ReportSection, ReportSentence
from tests import builders
from tests.api.client import ApiNode, finding_of, part10, scheduled_job

PATIENT = "id-7"


def read(answer: httpx.Response, kind: str) -> Any:
    """The resource, by a library that refuses what FHIR 4.0.1 does not know."""
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/fhir+json"
    body = answer.json()
    assert body["resourceType"] == kind
    resource = fhirelementfactory.FHIRElementFactory.instantiate(kind, body)
    assert isinstance(resource, FHIRAbstractResource)
    assert resource.as_json() == body
    assert list(_empty(body)) == []
    return resource


def _empty(value: Any, at: str = "") -> Iterator[str]:
    """Where an object, a list or a text is empty, which FHIR forbids."""
    if value in ("", [], {}, None):
        yield at
    items = value.items() if isinstance(value, dict) else ()
    for key, one in (*items, *(enumerate(value) if isinstance(value, list) else ())):
        yield from _empty(one, f"{at}.{key}")


Held = tuple[ApiNode, str, str, str]


@pytest.fixture
def held(stored_api: ApiNode) -> Held:
    return with_results(stored_api)


def with_results(api: ApiNode) -> Held:
    """Give it a study with a finding and a report; its UID and their ids."""
    series = builders.series(np.zeros((3, 4, 4), np.int16), modality="MR", seed=7)
    for instance in series:
        instance.PatientID = PATIENT
        instance.IssuerOfPatientID = "Clinic|East"
        instance.PatientName = "Döe^Jane^M"
        instance.PatientSex = "F"
        instance.PatientBirthDate = "19700203"
        instance.StudyDate = "20240131"
        instance.AccessionNumber = "A 1"
        instance.SpecificCharacterSet = "ISO_IR 192"
        api.storage.ingest.accept(part10(instance), "dimse:MR1")
    study = str(series[0].StudyInstanceUID)
    job = scheduled_job(api.storage, study)
    now = utcnow()
    assert api.storage.jobs.claim(job.job_id, "worker", 60, now)
    finding = finding_of(job, 1234.5)
    api.storage.findings.replace_for_job(job.job_id, [finding])
    assert api.storage.jobs.complete(job.job_id, "worker", {"instances": []}, now)
    sentence = ReportSentence(
        "Volume 1,234.5 cm³ <script>alert(1)</script>.", (finding.finding_id,)
    )
    sections = (ReportSection("Findings & more", (sentence,)),)
    report = api.storage.reports.offer(
        study, language="en", title="Brain", sections=sections, basis_digest="1"
    )
    return api, study, finding.finding_id, report.report_id


def test_the_capability_statement_says_what_the_routes_do(reading_api: ApiNode) -> None:
    answer = read(reading_api.client.get("/fhir/metadata"), "CapabilityStatement")
    assert answer.fhirVersion == "4.0.1"
    paths = reading_api.client.get("/api/openapi.json").json()["paths"]
    kinds = {one.type for one in answer.rest[0].resource}
    assert kinds == {
        path.split("/")[2] for path in paths if path.startswith("/fhir/") and "{" in path
    } - {"SubscriptionTopic"}, "which R4 has not"


def test_a_study_is_read_whole_and_found_by_what_is_known_of_it(held: Held) -> None:
    api, uid, _, _ = held
    study = read(api.client.get(f"/fhir/ImagingStudy/{uid}"), "ImagingStudy")
    assert study.identifier[0].value == f"urn:oid:{uid}"
    assert (study.numberOfSeries, study.numberOfInstances) == (1, 3)
    assert len(study.series[0].instance) == 3
    assert study.started.as_json() == "2024-01-31"
    (patient, endpoint) = study.contained
    assert (patient.gender, patient.birthDate.as_json()) == ("female", "1970-02-03")
    assert patient.name[0].given == ["Jane", "M"]
    assert endpoint.address.endswith("/dicom-web")
    system = patient.identifier[0].system
    for query in (
        {"identifier": f"urn:dicom:uid|urn:oid:{uid}"},
        {"identifier": f"urn:oid:{uid}"},
        {"identifier": "A 1"},
        {"patient.identifier": PATIENT},
        {"patient:identifier": f"{system}|{PATIENT}"},
        {"modality": "CT,MR"},
        {"started": "2024"},
        {"started": ["ge2024-01-31", "lt2024-02"]},
        {"_lastUpdated": f"ge{utcnow():%Y-%m-%d}", "_id": uid, "status": "available"},
        {"_sort": "-started"},
    ):
        found = read(api.client.get("/fhir/ImagingStudy", params=query), "Bundle")
        assert [one.resource.id for one in found.entry] == [uid], query
        assert found.entry[0].resource.series[0].instance is None
    for query in (
        {"identifier": "urn:dicom:uid|urn:oid:1.2"},
        {"patient.identifier": f"urn:mediview:patient-id|{PATIENT}"},
        {"modality": "CT"},
        {"started": "gt2024-01-31"},
        {"status": "registered"},
    ):
        nothing = read(api.client.get("/fhir/ImagingStudy", params=query), "Bundle")
        assert (nothing.total, nothing.entry) == (0, None), query


def test_a_finding_is_preliminary_with_its_device_and_what_people_say(held: Held) -> None:
    api, uid, finding_id, _ = held
    path = f"/fhir/Observation/{finding_id}"
    first = api.client.get(path)
    answer = read(first, "Observation")
    assert answer.status == "preliminary"
    assert (answer.valueQuantity.value, answer.valueQuantity.code) == (1234.5, "cm3")
    assert answer.code.coding[0].system == "http://snomed.info/sct"
    assert "UNVERIFIED" in answer.note[0].text
    assert answer.derivedFrom[0].reference == f"ImagingStudy/{uid}"
    device = read(api.client.get(f"/fhir/{answer.device.reference}"), "Device")
    assert device.version[0].value == "1.1.0"
    etag = first.headers["etag"]
    assert api.client.get(path, headers={"If-None-Match": etag}).status_code == 304
    rejected = {"kind": "REJECTED", "reason": "Motion."}
    assert api.client.post(f"/api/findings/{finding_id}/feedback", json=rejected).is_success
    later = api.client.get(path, headers={"If-None-Match": etag})
    after = read(later, "Observation")
    assert "rejects it. Motion." in after.note[1].text
    # Who reads the value alone would take it for one that stands.
    assert (after.status, after.valueQuantity) == ("preliminary", None)
    assert after.dataAbsentReason.text == "Left out: a person rejected it."
    for query in (
        {"derived-from": f"ImagingStudy/{uid}"},
        {"device": answer.device.reference},
        {"code": "http://snomed.info/sct|118565006"},
        {"code": "118565006", "patient.identifier": PATIENT},
        {"identifier": "urn:dicom:uid|urn:oid:2.25.7"},
        {"_lastUpdated": f"gt{utcnow() - timedelta(minutes=1):%Y-%m-%dT%H:%M:%SZ}"},
    ):
        found = read(api.client.get("/fhir/Observation", params=query), "Bundle")
        assert [one.resource.id for one in found.entry] == [finding_id], query
    other = api.client.get("/fhir/Observation", params={"code": "http://loinc.org|118565006"})
    assert read(other, "Bundle").total == 0


def test_a_report_is_preliminary_and_its_text_is_escaped(held: Held) -> None:
    api, uid, finding_id, report_id = held
    answer = read(api.client.get(f"/fhir/DiagnosticReport/{report_id}"), "DiagnosticReport")
    assert answer.status == "preliminary"
    assert "<script>" not in answer.text.div
    assert [one.reference for one in answer.result] == [f"Observation/{finding_id}"]
    assert answer.imagingStudy[0].reference == f"ImagingStudy/{uid}"
    assert answer.basedOn[0].identifier.value == "A 1"
    assert answer.conclusion
    (form,) = answer.presentedForm
    assert (form.contentType, form.language) == ("application/pdf", "en")
    assert api.client.get(str(form.url)).content.startswith(b"%PDF-")
    for query in ({"study": uid}, {"status": "preliminary"}, {"patient.identifier": PATIENT}):
        found = read(api.client.get("/fhir/DiagnosticReport", params=query), "Bundle")
        assert [one.resource.id for one in found.entry] == [report_id]


def test_pages_are_followed_by_their_links(api: ApiNode) -> None:
    for seed in range(5):
        (instance,) = builders.series(np.zeros((1, 4, 4), np.int16), modality="CT", seed=seed)
        api.storage.ingest.accept(part10(instance), "dimse:CT1")
    url: str | None = "/fhir/ImagingStudy?_count=2&modality=CT"
    seen: list[str] = []
    while url:
        page = read(api.client.get(url), "Bundle")
        assert page.total == 5
        seen += [one.resource.id for one in page.entry]
        url = next((one.url for one in page.link if one.relation == "next"), None)
    assert len(set(seen)) == 5
    counted = read(api.client.get("/fhir/ImagingStudy?_count=0"), "Bundle")
    assert (counted.total, counted.entry) == (5, None)


def test_devices_are_the_node_and_its_pipelines(reading_api: ApiNode) -> None:
    found = read(reading_api.client.get("/fhir/Device"), "Bundle")
    kinds = {one.resource.id: one.resource for one in found.entry}
    assert "node" in kinds
    brain = next(one for key, one in kinds.items() if key.startswith("pipeline.brain-volume."))
    assert any("MIT" in one.text for one in brain.note)


def test_the_audit_trail_is_read_as_audit_events(api: ApiNode) -> None:
    events = AuditEvent(
        Code.INSTANCES_ACCESSED,
        "R",
        Actor("account", "dr-jones", "10.0.0.9"),
        study_instance_uids=("2.25.1",),
        patient_ids=("id-7",),
        detail={"what": "frames", "number": 3},
    )
    api.storage.audit.record(events)
    api.storage.audit.flush()
    query = {"agent-name": "dr-jones", "entity": "ImagingStudy/2.25.1"}
    found = read(api.client.get("/fhir/AuditEvent", params=query), "Bundle")
    (event,) = [one.resource for one in found.entry]
    assert (event.type.code, event.action, event.outcome) == ("110103", "R", "0")
    assert event.agent[0].network.address == "10.0.0.9"
    again = read(api.client.get(f"/fhir/AuditEvent/{event.id}"), "AuditEvent")
    assert again.as_json() == event.as_json()
    nobody = api.client.get("/fhir/AuditEvent", params={"agent-name": "nobody"})
    assert read(nobody, "Bundle").total == 0


@pytest.mark.parametrize(
    ("path", "status", "issue"),
    [
        ("/fhir/ImagingStudy/2.25.404", 404, "not-found"),
        ("/fhir/Observation/none", 404, "not-found"),
        ("/fhir/DiagnosticReport/none", 404, "not-found"),
        ("/fhir/Device/none", 404, "not-found"),
        ("/fhir/AuditEvent/none", 404, "not-found"),
        ("/fhir/AuditEvent/999999999999999999", 404, "not-found"),
        ("/fhir/Patient", 404, "not-found"),
        ("/fhir/ImagingStudy/%00", 422, "invalid"),
        ("/fhir/ImagingStudy?colour=red", 400, "not-supported"),
        ("/fhir/ImagingStudy?started=yesterday", 400, "invalid"),
        ("/fhir/ImagingStudy?started=2024-13-01", 400, "invalid"),
        ("/fhir/ImagingStudy?started=9999", 400, "invalid"),
        ("/fhir/ImagingStudy?_count=many", 400, "invalid"),
        ("/fhir/ImagingStudy?_sort=colour", 400, "not-supported"),
        # A database takes an order of some hundred terms.
        (f"/fhir/ImagingStudy?_sort={'started,' * 2000}", 400, "invalid"),
        ("/fhir/ImagingStudy?_sort=started,-started", 400, "invalid"),
        ("/fhir/ImagingStudy?_id=%00", 400, "invalid"),
        ("/fhir/Observation?derived-from=Patient/1", 400, "invalid"),
        ("/fhir/AuditEvent?outcome=9", 400, "invalid"),
        ("/fhir/AuditEvent?entity=Patient/1", 400, "invalid"),
        ("/fhir/Observation?device=Patient/1", 400, "invalid"),
        ("/fhir/Observation?status=nonsense", 400, "invalid"),
        ("/fhir/DiagnosticReport?status=nonsense", 400, "invalid"),
        ("/fhir/ImagingStudy?status=nonsense", 400, "invalid"),
        ("/fhir/ImagingStudy?modality=|", 400, "invalid"),
        ("/fhir/ImagingStudy?started=ap2024", 400, "not-supported"),
        (
            "/fhir/ImagingStudy?_format=application/fhir%2Bjson;fhirVersion=5.0",
            406,
            "not-supported",
        ),
        ("/fhir/ImagingStudy?_format=xml", 406, "not-supported"),
    ],
)
def test_errors_are_operation_outcomes(
    reading_api: ApiNode, path: str, status: int, issue: str
) -> None:
    answer = reading_api.client.get(path)
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/fhir+json"
    outcome = fhirelementfactory.FHIRElementFactory.instantiate("OperationOutcome", answer.json())
    assert outcome.issue[0].code == issue
    assert outcome.issue[0].details.text
    assert reading_api.client.post("/fhir/ImagingStudy", json={}).json()["issue"][0]["code"]
