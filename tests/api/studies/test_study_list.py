"""Studies listed by state, modality, dates, patient and text, page by page."""

import random
from datetime import timedelta

import numpy as np
import pytest
from pydicom.dataset import Dataset

from api.studies.state import derive_state
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.entities import Decision, DeliveryState
from storage.core.identity import of_account
from storage.studies.filter import StudyFilter
from tests import builders
from tests.api.client import ApiNode, is_problem, part10


def study(seed: int, **attributes: str) -> Dataset:
    modality = attributes.pop("Modality", "CT")
    (instance,) = builders.series(np.zeros((1, 4, 4), np.int16), modality=modality, seed=seed)
    for keyword, value in attributes.items():
        setattr(instance, keyword, value)
    return instance


def send(storage: Storage, *instances: Dataset) -> list[str]:
    for instance in instances:
        storage.ingest.accept(part10(instance), "dimse:CT1")
    return [str(instance.StudyInstanceUID) for instance in instances]


def listed(api: ApiNode, **query: object) -> list[str]:
    answer = api.client.get("/api/studies", params=query)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    return [one["study_instance_uid"] for one in answer.json()["items"]]


def test_studies_are_found_by_what_they_are(stored_api: ApiNode) -> None:
    api = stored_api
    one, two, three = send(
        api.storage,
        study(1, PatientID="A", PatientName="Zoe^A", StudyDate="20240101", Modality="MR"),
        study(2, PatientID="B", PatientName="amy^B", StudyDate="20240201", AccessionNumber="77"),
        study(3, PatientID="AB", PatientName="Max^C", StudyDate=""),
    )
    assert listed(api) == [three, two, one]
    assert listed(api, patient_id="A") == [one]
    assert listed(api, accession_number="77") == [two]
    assert listed(api, modality=["MR", "US"]) == [one]
    assert listed(api, study_date_from="2024-01-15") == [two]
    assert listed(api, study_date_to="2024-01-15") == [one]
    assert listed(api, study_date_from="2024-01-01", study_date_to="2024-02-01") == [two, one]
    assert listed(api, state="RECEIVING", q="amy") == [two]
    assert listed(api, state=["COMPLETE", "REFUSED"]) == []
    assert listed(api, sort="patient_name") == [two, three, one]
    assert listed(api, sort="study_date") == [two, one, three]
    assert listed(api, sort="study_date", order="asc") == [three, one, two]
    assert listed(api, received_from=(utcnow() + timedelta(hours=1)).isoformat()) == []
    assert len(listed(api, received_before=(utcnow() + timedelta(hours=1)).isoformat())) == 3


def test_studies_are_found_by_their_report_and_by_open_alerts(api: ApiNode) -> None:
    one, two, three = send(api.storage, study(11), study(12), study(13))
    report = api.storage.reports.offer(
        one, language="en", title="Report", sections=[], basis_digest="a"
    )
    api.storage.reports.offer(two, language="en", title="Report", sections=[], basis_digest="b")
    api.storage.reports.move(report.report_id, report.version, "preliminary", of_account("petra"))
    assert listed(api, report="draft") == [two]
    assert listed(api, report=["preliminary", "final"]) == [one]
    assert listed(api, report=["none", "draft"]) == [three, two]
    assert listed(api, critical="true") == []
    assert api.storage.alerts.rise(one, "f" * 36, "large", "Large.", 900)
    assert listed(api, critical="true") == [one]
    assert listed(api, critical="true", report="draft") == []
    (told,), _ = api.storage.alerts.list("OPEN", one, 1, 0)
    api.storage.alerts.acknowledge(told.alert_id, of_account("petra"))
    assert listed(api, critical="true") == []


@pytest.mark.parametrize(
    "query",
    ["state=LOST", "study_date_from=2024-13-01", "received_from=2024-01-01", "sort=colour",
     "patient_id=%00", "order=up", "limit=501"],
)  # fmt: skip
def test_a_senseless_condition_is_refused(reading_api: ApiNode, query: str) -> None:
    is_problem(reading_api.client.get(f"/api/studies?{query}"), 422, "validation_failed")


def test_pages_link_to_their_neighbours_with_all_conditions(api: ApiNode) -> None:
    send(api.storage, *(study(seed) for seed in range(5)))
    answer = api.client.get("/api/studies", params={"limit": 2, "modality": "CT"})
    seen = [one["study_instance_uid"] for one in answer.json()["items"]]
    assert answer.links["last"]["url"] == "/api/studies?modality=CT&limit=2&offset=4"
    assert "prev" not in answer.links
    while "next" in answer.links:
        answer = api.client.get(answer.links["next"]["url"])
        assert answer.json()["total"] == 5
        seen += [one["study_instance_uid"] for one in answer.json()["items"]]
    assert seen == listed(api)
    assert answer.links["prev"]["url"] == "/api/studies?modality=CT&limit=2&offset=2"
    assert api.client.get("/api/jobs?limit=3").links["first"]["url"] == "/api/jobs?limit=3&offset=0"


def test_the_database_derives_the_state_that_people_are_told(storage: Storage) -> None:
    chance = random.Random(11)
    uids = send(storage, *(study(seed) for seed in range(40)))
    for uid in uids:
        _happen(storage, uid, chance)
    told: dict[str, set[str]] = {}
    for uid in uids:
        derived = derive_state(
            storage.index.series_of(uid),
            storage.decisions.of_study(uid),
            storage.jobs.of_studies([uid])[uid],
            storage.deliveries.of_study(uid),
        )
        told.setdefault(derived.state, set()).add(uid)
    assert len(told) >= 6, "too little happened to be a test"
    for state, expected in told.items():
        wanted = StudyFilter(states=frozenset({state}))  # type: ignore[arg-type]
        found, total = storage.index.studies(100, 0, where=wanted.conditions())
        assert {one.study_instance_uid for one in found} == expected, state
        assert total == len(expected)


def _happen(storage: Storage, uid: str, chance: random.Random) -> None:
    """Some of what can happen to a study, in any order."""
    (series,) = storage.index.series_of(uid)
    if chance.random() < 0.9:
        storage.index.mark_complete(series, utcnow())
    for number in range(chance.randrange(3)):
        accepted = chance.random() < 0.3
        decision = Decision(
            uid, series.series_instance_uid, f"p{number}", "1", "f", accepted, "No.", None, utcnow()
        )
        storage.decisions.record(decision)
    for number in range(chance.randrange(4)):
        job, _ = storage.jobs.schedule(
            chance.choice(("p", "q")), "1", uid, series.series_instance_uid, f"{uid[-40:]}{number}"
        )
        ending = chance.choice(("waits", "runs", "done", "done", "fails"))
        if ending != "waits":
            storage.jobs.claim(job.job_id, "w", 60, utcnow())
        if ending == "done":
            storage.jobs.complete(job.job_id, "w", {}, utcnow())
        if ending == "fails":
            storage.jobs.fail(job.job_id, "w", "It broke.", utcnow(), retry=False)
    instances = storage.index.instances_of(uid)
    for destination in chance.sample(("a", "b"), chance.randrange(3)):
        storage.deliveries.enqueue(destination, instances, None)
    for delivery in storage.deliveries.of_study(uid):
        state: DeliveryState = chance.choice(("PENDING", "HELD", "HELD"))
        if state == "HELD":
            storage.deliveries.held([delivery.delivery_id], utcnow())


def test_a_row_tells_who_refused_and_how_far_the_results_are(api: ApiNode) -> None:
    (uid,) = send(api.storage, study(1))
    (series,) = api.storage.index.series_of(uid)
    for pipeline, accepted, reason in (
        ("no-head", False, "Too few instances."),
        ("no-head", False, "4 instances; a head has 60 or more."),
        ("lungs", True, "A chest CT."),
    ):
        api.storage.decisions.record(
            Decision(
                uid,
                series.series_instance_uid,
                pipeline,
                "1",
                reason,
                accepted,
                reason,
                None,
                utcnow(),
            )
        )
    (row,) = api.client.get("/api/studies").json()["items"]
    assert row["refusals"] == [
        {"pipeline": "no-head", "reason": "4 instances; a head has 60 or more."}
    ]
    assert row["delivery"] == {"total": 0, "held": 0, "failing": 0, "destinations": []}
