"""Failed, cancelled and superseded are three different things, over each kind of storage."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fhirclient.models import observation as fhir

from storage.core.clock import utcnow
from storage.core.findings import Prior
from storage.jobs.withdrawals import SUPERSEDED
from tests import builders
from tests.api.client import ApiNode, finding_of, part10, scheduled_job


@pytest.fixture
def held(stored_api: ApiNode) -> tuple[ApiNode, str, str, str]:
    """A study with a finding; its UID, the job and the finding."""
    api = stored_api
    series = builders.series(np.zeros((3, 4, 4), np.int16), modality="MR", seed=7)
    for instance in series:
        instance.StudyDate, instance.PatientID = "20240131", "P-late"
        api.storage.ingest.accept(part10(instance), "dimse:MR1")
    study = str(series[0].StudyInstanceUID)
    job = scheduled_job(api.storage, study)
    now = utcnow()
    assert api.storage.jobs.claim(job.job_id, "worker", 60, now)
    finding = finding_of(job, 1234.5)
    api.storage.findings.replace_for_job(job.job_id, [finding])
    assert api.storage.jobs.complete(job.job_id, "worker", {"instances": []}, now)
    return api, study, job.job_id, finding.finding_id


def status(api: ApiNode, finding_id: str) -> Any:
    body = api.client.get(f"/fhir/Observation/{finding_id}").json()
    fhir.Observation(body)
    return body["status"]


def found(api: ApiNode, wanted: str) -> list[str]:
    body = api.client.get(f"/fhir/Observation?status={wanted}").json()
    return [one["resource"]["id"] for one in body.get("entry", [])]


def test_what_a_superseded_job_found_is_entered_in_error(
    held: tuple[ApiNode, str, str, str],
) -> None:
    api, study, job_id, finding_id = held
    assert status(api, finding_id) == "preliminary"
    assert found(api, "preliminary") == [finding_id]
    before = api.client.get(f"/fhir/Observation/{finding_id}").json()["meta"]["lastUpdated"]
    assert api.storage.withdrawals.supersede(job_id, SUPERSEDED, utcnow())
    assert status(api, finding_id) == "entered-in-error"
    assert found(api, "preliminary") == []
    assert found(api, "entered-in-error") == [finding_id]
    body = api.client.get(f"/fhir/Observation/{finding_id}").json()
    assert any(one["text"].startswith("Withdrawn:") for one in body["note"])
    assert body["meta"]["lastUpdated"] > before
    assert api.client.get(f"/api/studies/{study}/findings").json()["items"] == []
    assert api.client.get(f"/api/studies/{study}/trend").json()["items"] == []
    assert api.client.get(f"/api/findings/{finding_id}").json()["is_withdrawn"] is True
    job = api.client.get(f"/api/jobs/{job_id}").json()
    assert (job["state"], job["findings"]) == ("superseded", [])
    # The workitem has ended, and stays so (PS3.4 CC.1.1).
    assert api.storage.jobs.get(job_id).state == "COMPLETED"
    study_state = api.client.get(f"/api/studies/{study}").json()["state"]
    assert study_state not in ("failed", "results")


def test_a_later_study_forgets_the_prior_that_was_withdrawn(
    held: tuple[ApiNode, str, str, str],
) -> None:
    api, study, job_id, finding_id = held
    later_job = scheduled_job(api.storage, "2.25.77")
    prior = Prior(finding_id, study, "20240131", "1.0.0", 1234.5, 365, 1.0, 1.0)
    later_one = replace(finding_of(later_job, 1240.0), prior=prior)
    api.storage.findings.replace_for_job(later_job.job_id, [later_one])
    assert api.storage.withdrawals.supersede(job_id, SUPERSEDED, utcnow())
    assert api.storage.findings.get(later_one.finding_id).prior is None


def test_three_ways_to_end_have_three_names(stored_api: ApiNode) -> None:
    api = stored_api
    jobs = {name: scheduled_job(api.storage, f"2.25.{n}") for n, name in enumerate("abcd", 1)}
    now = utcnow()
    assert api.storage.jobs.claim(jobs["a"].job_id, "worker", 60, now)
    api.storage.jobs.fail(jobs["a"].job_id, "worker", "Out of memory.", now, retry=False)
    assert api.client.post(f"/api/jobs/{jobs['b'].job_id}/cancel").is_success
    assert api.storage.withdrawals.supersede(jobs["c"].job_id, SUPERSEDED, now)
    states = {
        name: api.client.get(f"/api/jobs/{job.job_id}").json()["state"]
        for name, job in jobs.items()
    }
    assert states == {"a": "failed", "b": "cancelled", "c": "superseded", "d": "scheduled"}
    for name, state in states.items():
        listed = api.client.get("/api/jobs", params={"state": state}).json()["items"]
        assert [one["job_id"] for one in listed] == [jobs[name].job_id]
    # On the wire of the UPS all three are CANCELED, with the reason.
    for name in "abc":
        job = api.storage.jobs.get(jobs[name].job_id)
        assert job.state == "CANCELED"
        assert job.reason
    metrics = api.client.get("/metrics").text
    assert 'mediview_jobs{state="superseded"} 1.0' in metrics
    assert 'mediview_jobs{state="failed"} 1.0' in metrics
    # Twice is once, and what failed is not superseded afterwards.
    assert not api.storage.withdrawals.supersede(jobs["c"].job_id, SUPERSEDED, now)
    assert not api.storage.withdrawals.supersede(jobs["a"].job_id, SUPERSEDED, now)
