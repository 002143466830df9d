"""The searches that FHIR's CapabilityStatement promises, each of them tried."""

from collections.abc import Iterator
from typing import Any

import pytest

from storage.settings import Settings
from tests.api.client import ApiNode, api_node
from tests.api.fhir.test_fhir import PATIENT, Held, read, with_results
from tests.services import free_port

CODES = {"outcome": "0", "status": "unknown"}
SAMPLES = {
    "date": "ge2020-01-01",
    "uri": "https://ehr.example.org/hook",
    "token": "x",
    "string": "x",
    "reference": "x",
}


@pytest.fixture(scope="module")
def held(reading_settings: Settings) -> Iterator[Held]:
    with api_node(reading_settings.model_copy(update={"http_port": free_port()})) as node:
        yield with_results(node)


def ids(bundle: Any, mode: str = "match") -> list[str]:
    return [one.resource.id for one in bundle.entry or () if one.search.mode == mode]


def test_all_that_is_promised_is_answered(reading_api: ApiNode) -> None:
    answer = read(reading_api.client.get("/fhir/metadata"), "CapabilityStatement")
    (rest,) = answer.rest
    assert rest.security.description
    for resource in rest.resource:
        if all(one.code != "search-type" for one in resource.interaction):
            assert not resource.searchParam
            continue
        path = f"/fhir/{resource.type}"
        for one in resource.searchParam or ():
            value = CODES.get(one.name, SAMPLES[one.type])
            read(reading_api.client.get(path, params={one.name: value}), "Bundle")
        for include in resource.searchInclude or ():
            read(reading_api.client.get(path, params={"_include": include}), "Bundle")
        for mode in ("true", "false", "text", "data", "count"):
            read(reading_api.client.get(path, params={"_summary": mode}), "Bundle")
        stated = resource.documentation or ""
        sorted_by = stated.removeprefix("Sorted by ").rstrip(".").split(", ")
        for name in sorted_by if stated.startswith("Sorted by ") else ():
            for key in (name, f"-{name}"):
                read(reading_api.client.get(path, params={"_sort": key}), "Bundle")
        for query in ({"_include": "Patient:link"}, {"_summary": "most"}, {"_sort": "colour"}):
            assert reading_api.client.get(path, params=query).status_code == 400


@pytest.mark.parametrize("kind", ["ImagingStudy", "DiagnosticReport", "Observation"])
def test_a_patient_is_found_by_each_way_to_name_one(held: Held, kind: str) -> None:
    api, *rest = held
    expected = {"ImagingStudy": rest[0], "Observation": rest[1], "DiagnosticReport": rest[2]}[kind]
    study = read(api.client.get(f"/fhir/ImagingStudy/{rest[0]}"), "ImagingStudy")
    system = study.contained[0].identifier[0].system
    for name in ("patient.identifier", "subject.identifier", "patient:identifier"):
        for value in (PATIENT, f"{system}|{PATIENT}"):
            found = read(api.client.get(f"/fhir/{kind}", params={name: value}), "Bundle")
            assert ids(found) == [expected], (name, value)
    for name in ("patient", "subject"):
        for value in (
            PATIENT,
            f"Patient/{PATIENT}",
            f"{api.client.base_url}/fhir/Patient/{PATIENT}",
        ):
            found = read(api.client.get(f"/fhir/{kind}", params={name: value}), "Bundle")
            assert ids(found) == [expected], (name, value)
        other = read(api.client.get(f"/fhir/{kind}", params={name: "Patient/no"}), "Bundle")
        assert other.total == 0
        wrong = api.client.get(f"/fhir/{kind}", params={name: "Group/1"})
        assert wrong.status_code == 400


def test_a_search_for_more_than_a_database_takes_is_refused(reading_api: ApiNode) -> None:
    dates = [("date", "ge2020-01-01,le2030")] * 600
    answer = reading_api.client.get("/fhir/Observation", params=dates)
    assert answer.status_code == 400
    assert "1200 values; 200 are allowed" in answer.text


@pytest.mark.parametrize("kind", ["DiagnosticReport", "Observation"])
def test_results_are_found_by_the_date_of_their_study(held: Held, kind: str) -> None:
    api, *_ = held
    for value, total in (("2024-01-31", 1), ("2024", 1), ("lt2024-01-31", 0), ("gt2024-01", 0)):
        found = read(api.client.get(f"/fhir/{kind}", params={"date": value}), "Bundle")
        assert found.total == total, value


def test_a_report_comes_with_its_findings_and_its_study(held: Held) -> None:
    api, uid, finding_id, report_id = held
    query = {"_include": ["DiagnosticReport:result", "DiagnosticReport:study"]}
    found = read(api.client.get("/fhir/DiagnosticReport", params=query), "Bundle")
    assert (found.total, ids(found)) == (1, [report_id])
    assert ids(found, "include") == [finding_id, uid]
    query = {"_include": ["Observation:device", "Observation:derived-from"]}
    found = read(api.client.get("/fhir/Observation", params=query), "Bundle")
    assert ids(found) == [finding_id]
    assert len(ids(found, "include")) == 2
    assert uid in ids(found, "include")


def test_a_summary_leaves_parts_out_and_says_so(held: Held) -> None:
    api, *_ = held
    url = "/fhir/DiagnosticReport"
    whole = read(api.client.get(url), "Bundle").entry[0].resource
    short = read(api.client.get(url, params={"_summary": "true"}), "Bundle").entry[0].resource
    assert (short.text, short.conclusion, short.result) == (None, None, None)
    assert short.status == whole.status
    assert [tag.code for tag in short.meta.tag] == ["SUBSETTED"]
    assert short.subject.reference == "#patient"
    assert short.contained[0].id == "patient"
    text = read(api.client.get(url, params={"_summary": "text"}), "Bundle").entry[0].resource
    assert text.text.div == whole.text.div
    assert text.issued is None
    data = read(api.client.get(url, params={"_summary": "data"}), "Bundle").entry[0].resource
    assert data.text is None
    assert data.conclusion == whole.conclusion
    count = read(api.client.get(url, params={"_summary": "count"}), "Bundle")
    assert (count.total, count.entry) == (1, None)


def test_a_resource_is_read_whole_in_part_or_laid_out_for_people(held: Held) -> None:
    api, study, *_ = held
    for path in (f"/fhir/ImagingStudy/{study}", "/fhir/metadata"):
        whole = api.client.get(path)
        assert "\n" not in whole.text
        pretty = api.client.get(path, params={"_pretty": "true"})
        assert pretty.json() == whole.json()
        assert pretty.text.count("\n") > 10
        text = api.client.get(path, params={"_summary": "text"}).json()
        assert text["meta"]["tag"][0]["code"] == "SUBSETTED"
        assert set(text) < {*whole.json(), "meta"}
    assert api.client.get("/fhir/metadata?mode=normative&_format=json").json() == whole.json()


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("_summary=count", "true, false, text, data"),
        ("_pretty=yes", "true, false"),
        ("_pretty=true&_pretty=false", "_pretty"),
    ],
)
def test_a_value_that_a_read_does_not_take_is_refused_by_name(
    held: Held, query: str, named: str
) -> None:
    api, study, *_ = held
    for path in ("/fhir/metadata", f"/fhir/ImagingStudy/{study}"):
        answer = api.client.get(f"{path}?{query}")
        assert answer.status_code == 400, answer.text
        (issue,) = answer.json()["issue"]
        assert named in issue["details"]["text"]
    assert api.client.get("/fhir/metadata?mode=terminology").status_code == 400


def test_a_parameter_that_a_read_does_not_take_is_ignored_with_a_warning(held: Held) -> None:
    api, study, *_ = held
    for path in ("/fhir/metadata", f"/fhir/ImagingStudy/{study}"):
        plain = api.client.get(path)
        assert "warning" not in plain.headers
        answer = api.client.get(f"{path}?_=1764359999&_elements=status&_sumary=text")
        assert (answer.status_code, answer.json()) == (200, plain.json())
        assert answer.headers["warning"].startswith("299 ")
        for named in ("'_'", "'_elements'", "Did you mean '_summary'?"):
            assert named in answer.headers["warning"]


@pytest.mark.parametrize("query", ["_total=all", "_pretty=1", "_count=1&_count=2"])
def test_a_control_parameter_of_a_search_is_obeyed_or_refused(held: Held, query: str) -> None:
    assert held[0].client.get(f"/fhir/ImagingStudy?{query}").status_code == 400


DCM = "http://dicom.nema.org/resources/ontology/DCM"
CATEGORIES = "http://terminology.hl7.org/CodeSystem"


TOTALS = [
    ("ImagingStudy", f"modality={DCM}|MR", 1),
    ("ImagingStudy", f"modality={DCM}|", 1),
    ("ImagingStudy", "modality=http://wrong|MR", 0),
    ("ImagingStudy", "modality=|MR", 0),
    ("ImagingStudy", "identifier=urn:dicom:uid|urn:oid:{uid}", 1),
    ("ImagingStudy", "identifier=urn:wrong|{uid}", 0),
    ("ImagingStudy", "identifier=|A 1", 1),
    ("ImagingStudy", "identifier=A 1", 1),
    ("ImagingStudy", "identifier=urn:oid:1.2.3|A 1", 0),
    ("ImagingStudy", "identifier=urn:mediview:accession-number:RIS|", 0),
    ("ImagingStudy", "status=http://hl7.org/fhir/imagingstudy-status|available", 1),
    ("ImagingStudy", "status=http://wrong|available", 0),
    ("ImagingStudy", "patient.identifier=|id-7", 0),
    ("ImagingStudy", "patient.identifier=urn:mediview:patient-id:Clinic%257CEast|", 1),
    ("ImagingStudy", "patient.identifier=urn:mediview:patient-id|", 0),
    ("Observation", "code=http://snomed.info/sct|", 1),
    ("Observation", "code=http://loinc.org|", 0),
    ("Observation", "code=|118565006", 0),
    ("Observation", "status=http://wrong|preliminary", 0),
    ("Observation", "status=|preliminary", 1),
    ("Observation", f"category={CATEGORIES}/observation-category|imaging", 1),
    ("Observation", "category=http://wrong|imaging", 0),
    ("Observation", "identifier=urn:mediview:finding|{finding}", 1),
    ("Observation", "identifier=urn:wrong|{finding}", 0),
    ("DiagnosticReport", f"category={CATEGORIES}/v2-0074|RAD", 1),
    ("DiagnosticReport", "category=http://wrong|RAD", 0),
    ("DiagnosticReport", "code=http://loinc.org|", 1),
    ("DiagnosticReport", "status=http://wrong|preliminary", 0),
    ("DiagnosticReport", "identifier=urn:wrong|{report}", 0),
    ("AuditEvent", "type=http://wrong|110103", 0),
    ("AuditEvent", "patient=http://other.example/fhir/Patient/id-7", 0),
    ("ImagingStudy", "patient=http://other.example/fhir/Patient/id-7", 0),
    ("Observation", "derived-from=http://other.example/fhir/ImagingStudy/{uid}", 0),
    ("Observation", "derived-from={base}/fhir/ImagingStudy/{uid}", 1),
    ("Observation", "device=http://other.example/fhir/Device/{device}", 0),
    ("Observation", "device={base}/fhir/Device/{device}", 1),
    ("DiagnosticReport", "study=http://other.example/fhir/ImagingStudy/{uid}", 0),
    ("ImagingStudy", "started=ne2024-01-31", 0),
    ("ImagingStudy", "started=sa2024-01-30", 1),
    ("ImagingStudy", "started=eb2024-01-31", 0),
]


def test_a_system_and_a_server_are_part_of_what_is_asked(held: Held) -> None:
    api, uid, finding, report = held
    device = api.client.get(f"/fhir/Observation/{finding}").json()["device"]["reference"]
    stated = {
        "uid": uid,
        "finding": finding,
        "report": report,
        "device": device.removeprefix("Device/"),
        "base": str(api.client.base_url).rstrip("/"),
    }
    for kind, query, total in TOTALS:
        found = read(api.client.get(f"/fhir/{kind}?{query.format(**stated)}"), "Bundle")
        assert found.total == total, query
