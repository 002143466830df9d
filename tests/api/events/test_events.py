"""Live events: told as they happen, resumed where a reader left off."""

import threading
import time
from datetime import timedelta

import numpy as np
import pytest

from storage.core.clock import utcnow
from storage.settings import Settings
from tests import builders
from tests.api.client import (
    ApiNode,
    api_node,
    events,
    is_problem,
    scheduled_job,
    worked_on,
    zipped,
)
from tests.patience import PATIENCE_S
from tests.services import free_port


def test_a_job_is_followed_to_its_end_and_the_stream_closes(stored_api: ApiNode) -> None:
    api = stored_api
    job = scheduled_job(api.storage)
    path = f"/api/jobs/{job.job_id}/events"
    with events(api, path) as stream:
        event_id, name, first = next(stream)
        assert (name, first["state"]) == ("job", "scheduled")
        worked_on(api.storage, job)
        recorded = list(stream)
    assert recorded[-1][2]["state"] == "completed"
    assert recorded[-1][2]["findings"][0]["value"] == 1234.5
    assert recorded[-1][0] > event_id
    assert [one[0] for one in recorded] == sorted(one[0] for one in recorded)


def test_the_stream_of_an_ended_job_tells_it_and_ends(api: ApiNode) -> None:
    job = scheduled_job(api.storage)
    api.storage.jobs.cancel(job.job_id, "Not needed any more.", utcnow())
    with events(api, f"/api/jobs/{job.job_id}/events") as stream:
        ((_, _, recorded),) = list(stream)
    assert (recorded["state"], recorded["stage_text"]) == ("cancelled", "Not needed any more.")


def test_a_reader_resumes_after_the_last_event_it_saw(api: ApiNode) -> None:
    first, second, third = (scheduled_job(api.storage, f"2.25.{n}") for n in (1, 2, 3))
    with events(api, "/api/events?after=0") as stream:
        seen_id, _, seen = next(stream)
    assert seen["job_id"] == first.job_id
    for path, headers in (
        ("/api/events", {"Last-Event-ID": str(seen_id)}),
        (f"/api/events?after={seen_id}", {}),
        # A browser repeats the URL it began with and says better in the header.
        ("/api/events?after=0", {"Last-Event-ID": str(seen_id)}),
    ):
        with events(api, path, headers) as stream:
            missed = [next(stream)[2]["job"]["job_id"] for _ in range(2)]
        assert missed == [second.job_id, third.job_id]


def test_a_new_reader_is_told_only_what_happens_next(api: ApiNode) -> None:
    scheduled_job(api.storage, "2.25.1")
    with events(api, "/api/events") as stream:
        timer = threading.Timer(0.4, scheduled_job, (api.storage, "2.25.2"))
        timer.start()
        _, name, data = next(stream)
        timer.join()
    assert (name, data["study_instance_uid"]) == ("job", "2.25.2")
    assert data["job"]["pipeline"] == "brain-volume"


def test_an_event_is_told_within_a_second(api: ApiNode) -> None:
    waited_s = []
    with events(api, "/api/events?after=0") as stream:
        for number in range(3):
            scheduled_job(api.storage, f"2.25.{number}")
            begin = time.monotonic()
            next(stream)
            waited_s.append(time.monotonic() - begin)
    # Other tests may keep all cores busy for a moment.
    assert min(waited_s) < 1.0


def test_many_readers_all_hear_it(api: ApiNode) -> None:
    stated: list[str] = []

    def listen() -> None:
        with events(api, "/api/events?after=0") as stream:
            stated.append(next(stream)[2]["study_instance_uid"])

    readers = [threading.Thread(target=listen) for _ in range(12)]
    for reader in readers:
        reader.start()
    scheduled_job(api.storage, "2.25.9")
    for reader in readers:
        reader.join(PATIENCE_S)
    assert stated == ["2.25.9"] * 12


def test_an_open_stream_does_not_hold_up_the_end(api_settings: Settings) -> None:
    with api_node(api_settings) as api, events(api, "/api/events?after=0") as stream:
        scheduled_job(api.storage)
        next(stream)
        # The streams are left open while the server is asked to end, by another thread.
        ended = list[float]()
        rest = threading.Thread(target=lambda: (list(stream), ended.append(time.monotonic())))
        rest.start()
        begin = time.monotonic()
        api.stop()
        rest.join(PATIENCE_S)
    assert ended
    assert ended[0] - begin < 2


def test_a_stream_has_only_what_is_asked_for(api: ApiNode) -> None:
    scheduled_job(api.storage, "2.25.1")
    api.storage.events.announce("study", {"change": "received"}, "2.25.2")
    scheduled_job(api.storage, "2.25.2")
    of_study = "/api/v1/events?after=0&study_instance_uid=2.25.2"
    with events(api, of_study) as stream:
        assert [next(stream)[1] for _ in range(2)] == ["study", "job"]
    with events(api, f"{of_study}&type=job&type=finding") as stream:
        _, topic, data = next(stream)
        assert (topic, data["study_instance_uid"]) == ("job", "2.25.2")
        assert data["at"].endswith("Z")
    wrong = is_problem(api.client.get("/api/events?type=jobs"), 422, "validation_failed")
    assert "'finding'" in wrong["detail"]


def test_an_empty_last_event_id_is_as_none(api: ApiNode) -> None:
    with events(api, "/api/events?after=0", {"Last-Event-ID": ""}) as stream:
        scheduled_job(api.storage)
        assert next(stream)[1] == "job"


def test_the_stream_of_an_unknown_job_is_a_problem(api: ApiNode) -> None:
    is_problem(api.client.get("/api/jobs/nothing/events"), 404, "not_found")


def test_a_refusal_is_told_so_that_a_page_can_show_its_reason(api: ApiNode) -> None:
    series = builders.series(np.zeros((3, 4, 4), np.int16), modality="CT")
    with events(api, "/api/events?after=0") as stream:
        api.start(api.upload(zipped(series), "ct.zip", "application/zip"))
        recorded = next(data for _, _, data in stream if data.get("change") == "decided")
    assert recorded["study_instance_uid"] == series[0].StudyInstanceUID
    assert (recorded["pipeline"], recorded["accepted"]) == ("brain-volume", False)


def test_a_stream_that_resumes_where_nothing_is_kept_says_so(stored_api: ApiNode) -> None:
    api = stored_api
    for number in range(1, 5):
        scheduled_job(api.storage, f"2.25.{number}")
    newest = api.storage.events.last_id()
    with events(api, f"/api/events?after={newest + 1000}") as stream:
        _, name, data = next(stream)
    assert (name, data["code"]) == ("reset", "events_gone")
    assert data["remedy"]
    assert api.storage.events.prune(utcnow() + timedelta(hours=1)) >= 3
    with events(api, f"/api/events?after={newest - 2}") as stream:
        seen = [next(stream) for _ in range(2)]
    assert [one[1] for one in seen] == ["reset", "job"]
    # The newest is kept, so that numbers go on and nobody begins again.
    assert (seen[1][0], seen[1][2]["study_instance_uid"]) == (newest, "2.25.4")
    with events(api, f"/api/events?after={newest}") as stream:
        scheduled_job(api.storage, "2.25.9")
        assert next(stream)[2]["study_instance_uid"] == "2.25.9"


def test_every_process_tells_what_any_of_them_did_and_a_restart_loses_nothing(
    api_settings: Settings,
) -> None:
    other = api_settings.model_copy(update={"http_port": free_port()})
    with api_node(api_settings) as first:
        with api_node(other) as second:
            job = scheduled_job(first.storage, "2.25.1")
            with events(second, "/api/events?after=0") as stream:
                answer = first.client.post(f"/api/jobs/{job.job_id}/cancel")
                assert answer.is_success, answer.text
                recorded = [next(stream) for _ in range(2)]
        assert [one[2]["state"] for one in recorded] == ["scheduled", "cancelled"]
        scheduled_job(first.storage, "2.25.3")
    with api_node(other) as again:
        scheduled_job(again.storage, "2.25.2")
        resumed = {"Last-Event-ID": str(recorded[-1][0])}
        with events(again, "/api/events?after=0", resumed) as stream:
            missed = [next(stream)[2] for _ in range(2)]
    assert [one["state"] for one in missed] == ["scheduled", "scheduled"]
    assert [one["study_instance_uid"] for one in missed] == ["2.25.3", "2.25.2"]


def test_a_silent_stream_gives_a_sign_of_life(
    api: ApiNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("api.events.routes._KEEP_ALIVE_S", 0.3)
    with api.client.stream("GET", "/api/events") as answer:
        assert next(line for line in answer.iter_lines() if line.startswith(":"))


@pytest.mark.parametrize("given", ["abc", "-4", "1.5", "12 13", "9" * 20, "٣"])
def test_a_resume_point_that_is_no_event_is_refused_by_its_name(api: ApiNode, given: str) -> None:
    job = scheduled_job(api.storage)
    for path in ("/api/v1/events?after=0", f"/api/v1/jobs/{job.job_id}/events"):
        answer = api.client.get(path, headers={"Last-Event-ID": given.encode()})
        problem = is_problem(answer, 422, "validation_failed")
        assert "Last-Event-ID" in problem["detail"]
        assert problem["errors"][0]["where"] == "header.Last-Event-ID"
