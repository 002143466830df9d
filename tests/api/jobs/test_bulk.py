"""Many jobs and studies in one request, and a job that runs once more although it is done."""

import pytest
from sqlalchemy import text

from storage.audit import Code
from storage.audit.query import AuditFilter, find_events
from storage.core.clock import utcnow
from storage.db.engine import writing
from storage.peers.entities import KnownPeer
from storage.settings import Settings
from tests.api.client import ApiNode, api_node, is_problem, scheduled_job, worked_on
from tests.api.studies.listing import send, study
from tests.postgres import PostgresServer


def test_a_completed_job_runs_again_where_that_is_said(stored_api: ApiNode) -> None:
    api = stored_api
    (uid,) = send(api.storage, study(1))
    (series,) = api.storage.index.series_of(uid)
    complete = api.storage.index.mark_complete(series, utcnow())
    assert complete is not None
    job, _ = api.storage.jobs.schedule(
        "brain-volume", "1.1.0", uid, complete.series_instance_uid, complete.fingerprint
    )
    path = f"/api/v1/jobs/{job.job_id}/retry"
    worked_on(api.storage, job)
    refused = is_problem(api.client.post(path), 409, "job_not_canceled")
    assert "force" in refused["remedy"]
    again = api.client.post(path, json={"force": True}).json()
    assert (again["state"], again["attempts"], again["finished_at"]) == ("scheduled", 0, None)
    # What the run before found counts until this one is done, also where it is cancelled.
    for ended in (False, True):
        if ended:
            api.client.post(f"/api/v1/jobs/{job.job_id}/cancel", json={"reason": "No time."})
        shown = api.client.get(f"/api/v1/jobs/{job.job_id}").json()
        assert shown["state"] == ("completed" if ended else "scheduled")
        of_study = api.client.get(f"/api/v1/studies/{uid}/findings").json()["items"]
        searched = api.client.get("/fhir/Observation").json()["entry"]
        assert [len(one) for one in (shown["findings"], of_study, searched)] == [1, 1, 1]
    assert shown["reason"] == shown["stage_text"]
    assert shown["reason"].startswith("Cancelled by local: No time.")
    assert api.client.post(path, json={"force": True}).status_code == 200
    worked_on(api.storage, api.storage.jobs.get(job.job_id), 1300.0)
    done = api.client.get(f"/api/v1/jobs/{job.job_id}").json()
    assert (done["state"], done["findings"][0]["value"]) == ("completed", 1300.0)
    late = study(1, SOPInstanceUID="2.25.99")
    send(api.storage, late)
    is_problem(api.client.post(path, json={"force": True}), 409, "job_superseded")


@pytest.mark.parametrize("priority", ["asap", 1001, 7.5, True, None, [], {}, "9" * 5000, ""])
def test_a_priority_that_is_none_is_told_those_that_are(api: ApiNode, priority: object) -> None:
    wanted = {"series_instance_uid": "1.2", "pipeline": "brain-volume", "priority": priority}
    for answer in (
        api.client.post("/api/v1/jobs", json=wanted),
        api.client.patch("/api/v1/jobs/x", json={"priority": priority}),
    ):
        problem = is_problem(answer, 422, "validation_failed")
        assert problem["detail"] == (
            "body.priority: It must be one of LOW, ROUTINE, HIGH, STAT,"
            " or a whole number from -1000 to 1000."
        )
        assert len(problem["errors"]) == 1


def test_each_of_many_jobs_has_its_own_answer(api: ApiNode) -> None:
    waits, runs, done = (scheduled_job(api.storage, f"2.25.{n}") for n in (1, 2, 3))
    api.storage.jobs.claim(runs.job_id, "worker", 60, utcnow())
    worked_on(api.storage, done)
    ids = [waits.job_id, "none", runs.job_id, done.job_id, waits.job_id]
    answer = api.client.post("/api/v1/jobs/cancel", json={"job_ids": ids, "reason": "Moved."})
    assert answer.status_code == 200, answer.text
    items = answer.json()["items"]
    assert [(one["id"], one["status"], one["state"], one["code"]) for one in items] == [
        (waits.job_id, 200, "cancelled", ""),
        ("none", 404, "", "not_found"),
        (runs.job_id, 200, "cancelled", ""),
        (done.job_id, 409, "", "job_ended"),
    ]
    assert answer.json()["failed"] == 2
    assert api.storage.jobs.get(runs.job_id).reason == "Cancelled by local: Moved."
    found, _ = find_events(api.storage.engine, AuditFilter(code=Code.PROCEDURE_RECORD.value), 9, 0)
    recorded = sorted(str(one.detail["job_id"]) for one in found)
    assert recorded == sorted([waits.job_id, runs.job_id]), "what was refused changed nothing"
    assert items[1]["remedy"] == "GET /api/v1/jobs lists them.", "as the job's own address says it"
    is_problem(
        api.client.post("/api/v1/jobs/cancel", json={"job_ids": []}), 422, "validation_failed"
    )


def test_what_was_done_before_the_database_went_away_is_answered_and_recorded(
    postgres_server: PostgresServer, api_settings: Settings
) -> None:
    url = postgres_server.migrated_database()
    with api_node(api_settings.model_copy(update={"database_url": url})) as api:
        jobs = [scheduled_job(api.storage, f"2.25.{n}") for n in range(1, 5)]
        with writing(api.storage.engine) as connection:
            # The server ends the connection at the second job.
            connection.execute(
                text(
                    "CREATE FUNCTION leave() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
                    " PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NEW; END $$"
                )
            )
            connection.execute(
                text(
                    "CREATE TRIGGER leaving BEFORE UPDATE ON job FOR EACH ROW WHEN"
                    f" (NEW.job_id = '{jobs[1].job_id}') EXECUTE FUNCTION leave()"
                )
            )
        ids = [one.job_id for one in jobs]
        answer = api.client.post("/api/v1/jobs/cancel", json={"job_ids": ids})
        assert answer.status_code == 200, answer.text
        items = answer.json()["items"]
        assert [one["status"] for one in items] == [200, 503, 503, 503]
        assert items[1]["code"] == items[3]["code"] == "storage_unavailable"
        assert [api.storage.jobs.get(one).status for one in ids] == ["CANCELLED"] + [
            "SCHEDULED"
        ] * 3
        # Where the first thing fails, so does the request.
        again = api.client.post("/api/v1/jobs/cancel", json={"job_ids": ids[1:]})
        assert again.status_code == 503, again.text
        found, _ = find_events(
            api.storage.engine, AuditFilter(code=Code.PROCEDURE_RECORD.value), 9, 0
        )
        assert [(one.study_instance_uids, one.detail["job_id"]) for one in found] == [
            (("2.25.1",), ids[0])
        ]
    postgres_server.drop(url)


def test_many_studies_are_sent_and_deleted_each_with_its_own_record(stored_api: ApiNode) -> None:
    api = stored_api
    api.storage.peers.add(KnownPeer("archive", kind="folder", folder="archive"))
    uids = send(api.storage, study(1, PatientID="A"), study(2, PatientID="B"))
    several = {"study_instance_uids": [uids[0], "1.2.3", uids[1], "abc"]}
    sent = api.client.post("/api/v1/studies/send", json={**several, "to": ["archive"]})
    assert [one["status"] for one in sent.json()["items"]] == [200, 404, 200, 422], sent.text
    assert api.client.get("/api/v1/deliveries?destination=archive").json()["total"] == 2
    api.client.put(f"/api/v1/legal-holds/{uids[1]}", json={"reason": "A court asks."})
    gone = api.client.post("/api/v1/studies/delete", json=several).json()
    assert [one["status"] for one in gone["items"]][:2] == [200, 404]
    assert gone["items"][2]["status"] == 409
    assert gone["items"][2]["remedy"]
    left = api.client.get("/api/v1/studies").json()["items"]
    assert [one["study_instance_uid"] for one in left] == [uids[1]]
    for code, study_instance_uids in ((Code.EXPORT, uids), (Code.STUDY_DELETED, uids[:1])):
        found, _ = find_events(api.storage.engine, AuditFilter(code=code.value), 9, 0)
        assert sorted(one.study_instance_uids for one in found) == sorted(
            (uid,) for uid in study_instance_uids
        )
