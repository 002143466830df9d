"""What people order over REST: jobs, deliveries, completion, and what they say of findings."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest
from pydicom.dataset import Dataset

from inference.pipeline import Acceptance
from inference.pipelines.brain.brain_volume import BrainVolume
from inference.scheduling.completeness import complete_quiet_series
from storage.core.clock import utcnow
from storage.core.entities import Job
from tests import builders
from tests.api.client import (
    ApiNode,
    events,
    finding_of,
    is_problem,
    part10,
    scheduled_job,
    worked_on,
)

BRAIN = "brain-volume"


def head() -> list[Dataset]:
    return builders.series(np.zeros((4, 4, 4), np.int16), modality="MR", seed=5)


def send(api: ApiNode, series: list[Dataset]) -> tuple[str, str]:
    for instance in series:
        api.storage.ingest.accept(part10(instance), "dimse:MR1")
    return str(series[0].StudyInstanceUID), str(series[0].SeriesInstanceUID)


@pytest.fixture
def accepting(monkeypatch: pytest.MonkeyPatch) -> None:
    """The brain pipeline takes anything, so that a small series makes a job."""
    monkeypatch.setattr(BrainVolume, "accepts", lambda *_: Acceptance(True, "It fits."))


def test_a_series_that_is_known_to_be_whole_need_not_be_quiet(stored_api: ApiNode) -> None:
    api = stored_api
    study, series = send(api, head())
    (shown,) = api.client.get("/api/studies", params={"state": "receiving"}).json()["items"]
    assert shown["study_instance_uid"] == study
    answer = api.client.post(f"/api/studies/{study}/series/{series}/complete").json()
    assert [one["state"] for one in answer["series"]] == ["complete"]
    assert {one["series_instance_uid"] for one in answer["decisions"]} == {series}
    again = api.client.post(f"/api/studies/{study}/complete").json()
    assert again == {"series": [], "decisions": []}
    is_problem(api.client.post("/api/studies/2.25.9/complete"), 404, "not_found")


def test_an_announced_number_completes_a_series_and_holds_one_that_lacks_some(
    stored_api: ApiNode,
) -> None:
    api, instances = stored_api, head()
    series = str(instances[0].SeriesInstanceUID)
    path = f"/api/series/{series}/expectations"
    announced = api.client.put(path, json={"instance_count": 4})
    assert announced.status_code == 200, announced.text
    send(api, instances[:3])
    later = utcnow() + timedelta(seconds=60)
    assert (
        complete_quiet_series(
            api.storage.settings, api.storage.index, api.storage.expectations, later
        )
        == []
    )
    send(api, instances[3:])
    (completed,) = complete_quiet_series(
        api.storage.settings, api.storage.index, api.storage.expectations, utcnow()
    )
    assert completed.instance_count == 4
    (answer,) = api.client.get(path).json()["items"]
    assert (answer["instance_count"], answer["sop_instance_uids"]) == (4, [])
    assert api.client.delete(path).status_code == 204
    assert api.client.get(path).json() == {"items": []}
    is_problem(api.client.put(path, json={}), 422, "validation_failed")


@pytest.mark.usefixtures("accepting")
def test_a_job_is_made_once_moved_up_canceled_and_tried_again(stored_api: ApiNode) -> None:
    api = stored_api
    study, series = send(api, head())
    wanted = {"series_instance_uid": series, "pipeline": BRAIN}
    is_problem(api.client.post("/api/jobs", json=wanted), 409, "series_receiving")
    (row,) = api.storage.index.series_of(study)
    assert api.storage.index.mark_complete(row, utcnow())
    made = api.client.post("/api/jobs", json=wanted)
    assert made.status_code == 201, made.text
    job = made.json()
    assert made.headers["location"] == f"/api/jobs/{job['job_id']}"
    assert (job["state"], job["priority"]) == ("scheduled", 0)
    again = api.client.post("/api/jobs", json={**wanted, "priority": "STAT"})
    assert (again.status_code, again.json()["job_id"]) == (200, job["job_id"])
    assert (again.json()["priority"], again.json()["priority_name"]) == (100, "STAT")
    path = f"/api/jobs/{job['job_id']}"
    changed = api.client.patch(path, json={"priority": -7}).json()
    assert (changed["priority"], changed["priority_name"]) == (-7, "LOW")
    assert api.client.patch(path, json={"priority": "high"}).json()["priority"] == 50
    assert api.client.get("/api/v1/jobs?state=scheduled").json()["total"] == 1
    assert api.client.get("/api/v1/jobs?state=in_progress").json()["total"] == 0
    canceled = api.client.post(f"{path}/cancel", json={"reason": "The wrong head."}).json()
    assert (canceled["state"], canceled["reason"]) == (
        "cancelled",
        "Cancelled by local: The wrong head.",
    )
    assert api.client.post(f"{path}/cancel").json()["reason"] == canceled["reason"]
    is_problem(api.client.patch(path, json={"priority": 1}), 409, "job_ended")
    retried = api.client.post(f"{path}/retry").json()
    assert (retried["state"], retried["attempts"], retried["reason"]) == ("scheduled", 0, "")
    is_problem(api.client.post(f"{path}/retry"), 409, "job_not_canceled")
    api.client.post(f"{path}/cancel")
    late = head()[0]
    late.SOPInstanceUID = late.file_meta.MediaStorageSOPInstanceUID = "2.25.5"
    send(api, [late])
    is_problem(api.client.post(f"{path}/retry"), 409, "job_superseded")


@pytest.mark.usefixtures("accepting")
def test_force_runs_what_has_ended_and_begins_no_second_run(stored_api: ApiNode) -> None:
    api = stored_api
    study, series = send(api, head())
    (row,) = api.storage.index.series_of(study)
    assert api.storage.index.mark_complete(row, utcnow())
    wanted = {"series_instance_uid": series, "pipeline": BRAIN}
    forced = {**wanted, "force": True}
    job_id = api.client.post("/api/v1/jobs", json=wanted).json()["job_id"]
    path = f"/api/v1/jobs/{job_id}"
    # Without a result, force is no less an order than with one.
    api.client.post(f"{path}/cancel")
    assert api.client.post("/api/v1/jobs", json=wanted).json()["state"] == "cancelled"
    assert api.client.post("/api/v1/jobs", json=forced).json()["state"] == "scheduled"
    worked_on(api.storage, api.storage.jobs.get(job_id))
    assert api.client.post("/api/v1/jobs", json=forced).json()["state"] == "scheduled"
    # The run that goes on answers who asks again, and is left alone.
    api.storage.jobs.claim(job_id, "worker", 60, utcnow())
    again = api.client.post("/api/v1/jobs", json=forced)
    assert (again.status_code, again.json()["state"]) == (200, "in_progress")
    refused = is_problem(
        api.client.post(f"{path}/retry", json={"force": True}), 409, "job_not_canceled"
    )
    assert "cancel" in refused["remedy"]


def test_a_pipeline_refuses_in_its_own_words(api: ApiNode) -> None:
    series = builders.series(np.zeros((3, 4, 4), np.int16), modality="CT")
    study, uid = send(api, series)
    (row,) = api.storage.index.series_of(study)
    api.storage.index.mark_complete(row, utcnow())
    answer = api.client.post("/api/jobs", json={"series_instance_uid": uid, "pipeline": BRAIN})
    problem = is_problem(answer, 422, "pipeline_refuses")
    assert "CT" in problem["detail"]
    assert problem["decisions"][0]["pipeline"] == BRAIN
    unknown = api.client.post("/api/jobs", json={"series_instance_uid": uid, "pipeline": "x"})
    is_problem(unknown, 404, "not_found")
    nowhere = {"series_instance_uid": "2.25.77", "pipeline": BRAIN}
    is_problem(api.client.post("/api/jobs", json=nowhere), 404, "not_found")
    picture = {"series_instance_uid": uid, "pipeline": "image-classification"}
    is_problem(api.client.post("/api/jobs", json=picture), 422, "pipeline_refuses")


def test_a_running_job_that_is_canceled_loses_its_worker(api: ApiNode) -> None:
    job, now = scheduled_job(api.storage), utcnow()
    assert api.storage.jobs.claim(job.job_id, "worker", 60, now)
    assert api.client.post(f"/api/jobs/{job.job_id}/cancel").json()["state"] == "cancelled"
    # The worker asks at each stage, and is told that the job is not its own any more.
    assert not api.storage.jobs.progress(job.job_id, "worker", "running", 0.5, utcnow())
    assert not api.storage.jobs.complete(job.job_id, "worker", {}, utcnow())


def test_what_people_say_stands_beside_the_finding_with_who_and_when(stored_api: ApiNode) -> None:
    api = stored_api
    job = scheduled_job(api.storage)
    worked_on(api.storage, job)
    (finding,) = api.storage.findings.of_job(job.job_id)
    path = f"/api/findings/{finding.finding_id}/feedback"
    with events(api, "/api/events") as stream:
        corrected = {"kind": "CORRECTED", "value": 1240.0, "reason": "Cerebellum left out."}
        answer = api.client.post(path, json=corrected)
        assert answer.status_code == 201, answer.text
        name, data = next((name, data) for _, name, data in stream if name == "finding")
    assert (name, data["finding_id"], data["kind"]) == ("finding", finding.finding_id, "CORRECTED")
    assert data["verdict"] == "EDITED", "the former name, for one version more"
    assert api.client.post(path, json={"verdict": "EDITED", "value": 1241.0}).status_code == 201
    assert api.client.post(path, json={"kind": "ACCEPTED"}).status_code == 201
    answer = api.client.get(f"/api/findings/{finding.finding_id}").json()
    assert answer["value"] == 1234.5
    kinds = [(one["kind"], one["verdict"]) for one in answer["feedback"]]
    assert kinds == [("CORRECTED", "EDITED")] * 2 + [("ACCEPTED", "ACCEPTED")]
    assert answer["feedback"][0]["given_by"] == "local"
    assert answer["feedback"][0]["value"] == 1240.0
    assert answer["feedback"][0]["unit"]["value"] == "cm3"
    assert api.client.get(path).json()["items"] == answer["feedback"]
    # A job that runs again writes its findings again; what was said stays.
    api.storage.findings.replace_for_job(job.job_id, [finding])
    (again,) = api.client.get(f"/api/jobs/{job.job_id}").json()["findings"]
    assert again["feedback"] == answer["feedback"]


@pytest.mark.parametrize(
    "body",
    [
        {"kind": "MAYBE"},
        {"kind": "CORRECTED"},
        {"kind": "ACCEPTED", "value": 3},
        {"kind": "CORRECTED", "value": "NaN"},
        {"kind": "CORRECTED", "label": "x", "unit": {"value": "cm3"}},
        {"kind": "REJECTED", "reason": "a\u0000b"},
        {"kind": "REJECTED", "reason": "x" * 2001},
    ],
)
def test_senseless_feedback_is_refused(reading_api: ApiNode, body: dict[str, object]) -> None:
    answer = reading_api.client.post("/api/findings/none/feedback", json=body)
    is_problem(answer, 422, "validation_failed")
    unknown = reading_api.client.post("/api/findings/none/feedback", json={"kind": "ACCEPTED"})
    is_problem(unknown, 404, "not_found")


def with_deliveries(api: ApiNode) -> Job:
    study, _ = send(api, head()[:3])
    job = scheduled_job(api.storage, study)
    instances = api.storage.index.instances_of(study)
    api.storage.deliveries.enqueue("pacs", instances, job.job_id)
    api.storage.deliveries.enqueue("archive", instances[:1], job.job_id)
    return job


def test_stuck_deliveries_are_found_and_let_go(stored_api: ApiNode) -> None:
    api = stored_api
    job = with_deliveries(api)
    for _ in range(5):
        while claimed := api.storage.deliveries.claim_due("sender", 60, utcnow(), 10):
            ids = [one.delivery_id for one in claimed]
            tomorrow = utcnow() + timedelta(days=1)
            api.storage.deliveries.retry_later(ids, "sender", "It is down.", tomorrow)
        assert api.client.post("/api/deliveries/retry", json={}).json() == {"count": 4}
    page = api.client.get("/api/deliveries", params={"troubled": True, "limit": 2}).json()
    assert page["total"] == 4
    assert len(page["items"]) == 2
    pacs = api.client.get("/api/deliveries", params={"destination": "pacs"}).json()
    assert pacs["total"] == 3
    assert {one["job_id"] for one in pacs["items"]} == {job.job_id}
    assert api.client.post("/api/deliveries/retry", json={"destination": "x"}).json() == {
        "count": 0
    }
    assert (
        api.client.post("/api/deliveries/retry", json={"destination": "pacs"}).json()["count"] == 3
    )
    one = pacs["items"][0]["delivery_id"]
    api.storage.deliveries.confirmed([one], utcnow())
    again = api.client.post(f"/api/deliveries/{one}/retry").json()
    assert (again["state"], again["sent_at"]) == ("pending", None)
    assert api.client.get(f"/api/deliveries/{one}").json()["state"] == "pending"
    is_problem(api.client.post("/api/deliveries/none/retry"), 404, "not_found")


def test_a_delivery_that_is_being_sent_is_left_alone(api: ApiNode) -> None:
    with_deliveries(api)
    (claimed, *_) = api.storage.deliveries.claim_due("sender", 60, utcnow(), 1)
    answer = api.client.post(f"/api/deliveries/{claimed.delivery_id}/retry")
    is_problem(answer, 409, "delivery_in_progress")


def test_reports_and_models_are_listed(reading_api: ApiNode) -> None:
    assert reading_api.client.get("/api/reports").json() == {
        "items": [],
        "total": 0,
        "limit": 50,
        "offset": 0,
        "next_cursor": None,
    }
    is_problem(reading_api.client.get("/api/reports/none"), 404, "not_found")
    models = {one["name"]: one for one in reading_api.client.get("/api/models").json()["items"]}
    deepbet = next(one for one in models.values() if BRAIN in one["pipelines"])
    assert deepbet["licence"] == "MIT"
    assert all(len(one["sha256"]) == 64 for one in deepbet["files"])


def test_a_probe_below_api_is_told_the_same_health(reading_api: ApiNode) -> None:
    assert reading_api.client.get("/api/health").json()["parts"].keys() == (
        reading_api.client.get("/health").json()["parts"].keys()
    )


def test_findings_without_a_number_take_no_other_number(api: ApiNode) -> None:
    job = scheduled_job(api.storage)
    worked_on(api.storage, job)
    labelled = replace(finding_of(job, 1.0), value=None, unit=None, confidence=0.8)
    api.storage.findings.replace_for_job(job.job_id, [labelled])
    path = f"/api/findings/{labelled.finding_id}/feedback"
    numbered = api.client.post(path, json={"kind": "CORRECTED", "value": 2})
    is_problem(numbered, 422, "finding_has_no_value")
    assert api.client.post(path, json={"kind": "CORRECTED", "label": "pneumonia"}).is_success
