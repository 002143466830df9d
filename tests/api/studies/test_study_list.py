"""Studies are listed by state, modality, dates, patient and text."""

import random
from datetime import timedelta

import pytest

from api.studies.state import derive_state
from storage.container import Storage
from storage.core.callers.identity import of_account
from storage.core.clock import utcnow
from storage.core.entities import Decision, DeliveryState
from storage.reports.entities import ReportSection, ReportSentence
from storage.studies.filter import StudyFilter
from tests.api.client import ApiNode, is_problem, scheduled_job
from tests.api.studies.listing import listed, send, study


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
    assert listed(api, state="receiving", q="amy") == [two]
    assert listed(api, state=["complete", "refused"]) == []
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
    assert api.storage.critical_alerts.rise(one, "f" * 36, "large", "Large.", 900)
    assert listed(api, critical="true") == [one]
    assert listed(api, critical="true", report="draft") == []
    (answer,), _ = api.storage.critical_alerts.list("OPEN", one, 1, 0)
    api.storage.critical_alerts.acknowledge(answer.alert_id, of_account("petra"))
    assert listed(api, critical="true") == []


def test_a_study_says_how_urgent_it_is_and_why(api: ApiNode) -> None:
    storage = api.storage
    plain, signed, stat, high, alarming, recalled = send(
        storage,
        study(21),
        study(22),
        study(23, AccessionNumber="S23"),
        study(24),
        study(25, AccessionNumber="S25"),
        study(26, AccessionNumber="S26"),
    )
    order = {"StudyInstanceUID": "2.25.1", "RequestedProcedurePriority": "STAT"}
    # The first and the last by their numbers, as most orders; the modality made UIDs of its own.
    for accession_number in ("S23", "S25"):
        storage.worklist.add({**order, "AccessionNumber": accession_number})
    storage.worklist.add({"StudyInstanceUID": high, "RequestedProcedurePriority": "HIGH"})
    cancelled = storage.worklist.add({**order, "AccessionNumber": "S26"})
    storage.worklist.remove(cancelled.worklist_item_id)
    text = [ReportSection("Findings", (ReportSentence("No change."),))]
    report = storage.reports.offer(
        signed, language="en", title="Report", sections=text, basis_digest="a"
    )
    storage.reports.move(report.report_id, report.version, "final", of_account("petra"))
    storage.critical_alerts.rise(alarming, "f" * 36, "large", "Large.", 900)
    items = api.client.get("/api/studies").json()["items"]
    assert {one["study_instance_uid"]: one["urgency"] for one in items} == {
        alarming: "critical",
        stat: "stat",
        high: "high",
        recalled: "unreported",
        plain: "unreported",
        signed: "reported",
    }
    assert api.client.get(f"/api/studies/{stat}").json()["urgency"] == "stat"


@pytest.mark.parametrize(
    "query",
    ["state=LOST", "study_date_from=2024-13-01", "received_from=2024-01-01", "sort=colour",
     "patient_id=%00", "order=up", "limit=501"],
)  # fmt: skip
def test_a_senseless_condition_is_refused(reading_api: ApiNode, query: str) -> None:
    is_problem(reading_api.client.get(f"/api/studies?{query}"), 422, "validation_failed")


def test_what_changed_since_a_time_is_found_by_events_too(api: ApiNode) -> None:
    one, two = send(api.storage, study(1), study(2))
    since = utcnow()
    job = scheduled_job(api.storage, one)
    assert listed(api, updated_since=since.isoformat()) == [one]
    later = utcnow()
    api.storage.jobs.cancel(job.job_id, "Not needed.", utcnow())
    for answer in ("/api/jobs", "/api/deliveries", "/api/reports"):
        items = api.client.get(answer, params={"updated_since": later.isoformat()}).json()["items"]
        assert len(items) == (answer == "/api/jobs")
    assert two in listed(api)


def test_the_database_derives_the_state_that_people_are_told(storage: Storage) -> None:
    chance = random.Random(11)
    uids = send(storage, *(study(seed) for seed in range(40)))
    for uid in uids:
        _happen(storage, uid, chance)
    stated: dict[str, set[str]] = {}
    for uid in uids:
        derived = derive_state(
            storage.index.series_of(uid),
            storage.acceptance_decisions.of_study(uid),
            storage.jobs.of_studies([uid])[uid],
            storage.deliveries.of_study(uid),
        )
        stated.setdefault(derived.state, set()).add(uid)
    assert len(stated) >= 6, "too little happened to be a test"
    for state, expected in stated.items():
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
        storage.acceptance_decisions.record(decision)
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
        state: DeliveryState = chance.choice(("PENDING", "CONFIRMED", "CONFIRMED"))
        if state == "CONFIRMED":
            storage.deliveries.confirmed([delivery.delivery_id], utcnow())


def test_a_row_tells_who_refused_and_how_far_the_results_are(api: ApiNode) -> None:
    (uid,) = send(api.storage, study(1))
    (series,) = api.storage.index.series_of(uid)
    for pipeline, accepted, reason in (
        ("no-head", False, "Too few instances."),
        ("no-head", False, "4 instances; a head has 60 or more."),
        ("lungs", True, "A chest CT."),
    ):
        api.storage.acceptance_decisions.record(
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
    assert [(one["pipeline"], one["reason"]) for one in row["refusals"]] == [
        ("no-head", "4 instances; a head has 60 or more.")
    ]
    assert row["refusals"][0]["series_instance_uid"]
    assert row["delivery"] == {
        "total": 0,
        "confirmed": 0,
        "held": 0,
        "failing": 0,
        "awaiting_release": 0,
        "destinations": [],
    }
