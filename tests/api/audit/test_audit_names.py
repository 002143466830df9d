"""A look or a change by another id than the study's is told with the study that it concerns."""

from collections.abc import Callable
from typing import Any

import pytest

from storage.core.clock import utcnow
from storage.reports.entities import ReportSection, ReportSentence
from tests.api.audit.test_audit import stored, trail
from tests.api.client import ApiNode, finding_of, scheduled_job
from tests.api.studies.test_conflicts import with_conflict
from tests.api.worklist.test_worklist import posted


@pytest.fixture
def ids(api: ApiNode) -> dict[str, str]:
    """A study with a finding, a report and a delivery."""
    study, _, instance = stored(api, PatientID="P-9")
    job = scheduled_job(api.storage, study)
    now = utcnow()
    assert api.storage.jobs.claim(job.job_id, "worker", 60, now)
    finding = finding_of(job, 12.5)
    api.storage.findings.replace_for_job(job.job_id, [finding])
    assert api.storage.jobs.complete(job.job_id, "worker", {"instances": []}, now)
    sentence = ReportSentence("Volume 12.5.", (finding.finding_id,))
    sections = (ReportSection("Findings", (sentence,)),)
    report = api.storage.reports.offer(
        study, language="en", title="Brain", sections=sections, basis_digest="1"
    )
    api.storage.deliveries.enqueue("pacs", [api.storage.index.instance(instance)], job.job_id)
    (delivery,) = api.storage.deliveries.of_study(study)
    return {
        "study": study,
        "job": job.job_id,
        "finding": finding.finding_id,
        "report": report.report_id,
        "delivery": delivery.delivery_id,
    }


def told_of(api: ApiNode, request_id: str) -> dict[str, Any]:
    (event,) = trail(api, request_id=request_id)
    return event


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/jobs/{job}"),
        ("POST", "/api/jobs/{job}/cancel"),
        ("GET", "/api/findings/{finding}"),
        ("GET", "/api/findings/{finding}/feedback"),
        ("GET", "/api/reports/{report}"),
        ("GET", "/api/reports/{report}/versions"),
        ("GET", "/api/reports/{report}/diff"),
        ("GET", "/api/reports"),
        ("GET", "/api/deliveries/{delivery}"),
        ("POST", "/api/deliveries/{delivery}/retry"),
        ("GET", "/fhir/ImagingStudy/{study}"),
        ("GET", "/fhir/ImagingStudy?_id={study}"),
        ("GET", "/fhir/Observation/{finding}"),
        ("GET", "/fhir/Observation?_id={finding}"),
        ("GET", "/fhir/DiagnosticReport/{report}"),
        ("GET", "/fhir/DiagnosticReport?_id={report}"),
    ],
)
def test_the_study_is_named(api: ApiNode, ids: dict[str, str], method: str, path: str) -> None:
    answer = api.client.request(method, path.format(**ids))
    assert answer.status_code in (200, 409), answer.text
    event = told_of(api, answer.headers["x-request-id"])
    assert event["study_instance_uids"] == [ids["study"]]
    assert event["patient_ids"] == ["P-9"]


@pytest.mark.parametrize(
    "asked",
    [
        lambda api, url: api.client.get(url),
        lambda api, url: api.client.get(f"{url}/file"),
        lambda api, url: api.client.post(f"{url}/accept"),
        lambda api, url: api.client.delete(url),
    ],
    ids=["look", "file", "accept", "discard"],
)
def test_a_conflict_names_the_study_of_what_is_held(
    api: ApiNode, asked: Callable[[ApiNode, str], Any]
) -> None:
    series, _, number = with_conflict(api)
    answer = asked(api, f"/api/conflicts/{number}")
    assert answer.is_success, answer.text
    event = told_of(api, answer.headers["x-request-id"])
    assert event["study_instance_uids"] == [series[0].StudyInstanceUID]


def test_an_order_names_its_study_and_patient_although_neither_is_here(api: ApiNode) -> None:
    item = posted(api)
    url = f"/api/worklist/{item['worklist_item_id']}"
    for answer in (api.client.get(url), api.client.delete(url)):
        event = told_of(api, answer.headers["x-request-id"])
        assert event["study_instance_uids"] == [item["study_instance_uid"]]
        assert event["patient_ids"] == ["P1"]


@pytest.mark.parametrize("level", ["study", "series", "instance"])
def test_a_delete_is_told_with_whose_it_was(api: ApiNode, level: str) -> None:
    study, series, instance = stored(api, PatientID="P-3")
    url = f"/dicom-web/studies/{study}"
    url += f"/series/{series}" if level != "study" else ""
    url += f"/instances/{instance}" if level == "instance" else ""
    answer = api.client.delete(url)
    assert answer.is_success, answer.text
    event = told_of(api, answer.headers["x-request-id"])
    assert (event["action"], event["outcome"]) == ("D", 0)
    assert event["code"] == ("110105" if level == "study" else "110103")
    assert event["study_instance_uids"] == [study]
    assert event["patient_ids"] == ["P-3"]
