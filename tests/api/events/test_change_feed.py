"""A program keeps a copy of what the node holds by asking for changes."""

import threading
from datetime import timedelta
from typing import Any

from sqlalchemy import update

from storage import tables as t
from storage.core.clock import utcnow
from storage.db.engine import writing
from storage.settings import Settings
from tests.api.client import ApiNode, api_node, is_problem, scheduled_job, worked_on


def changes(api: ApiNode, **query: Any) -> dict[str, Any]:
    answer = api.client.get("/api/v1/changes", params=query)
    assert answer.status_code == 200, answer.text
    page: dict[str, Any] = answer.json()
    return page


def test_a_copy_follows_from_the_number_it_began_with(api: ApiNode) -> None:
    scheduled_job(api.storage, "2.25.1")
    begin = changes(api)
    assert begin["items"] == []
    job = scheduled_job(api.storage, "2.25.2")
    worked_on(api.storage, job)
    page = changes(api, after=begin["next_after"])
    assert {one["study_instance_uid"] for one in page["items"]} == {"2.25.2"}
    states = [one["state"] for one in page["items"] if one["job_id"] == job.job_id]
    assert (states[0], states[-1]) == ("scheduled", "completed")
    assert changes(api, after=page["next_after"])["items"] == []


def test_pages_give_each_change_once_whatever_comes_meanwhile(api: ApiNode) -> None:
    for number in range(5):
        scheduled_job(api.storage, f"2.25.{number + 1}")
    seen, after, more = list[str](), 0, True
    while more:
        page = changes(api, after=after, limit=2)
        seen += [one["study_instance_uid"] for one in page["items"]]
        if len(seen) == 2:
            scheduled_job(api.storage, "2.25.6")
        after, more = page["next_after"], page["has_more"]
    assert seen == [f"2.25.{number + 1}" for number in range(6)]


def test_a_study_and_types_leave_the_others_out_and_are_not_read_twice(api: ApiNode) -> None:
    scheduled_job(api.storage, "2.25.1")
    api.storage.events.announce("study", {"change": "series_complete"}, "2.25.2")
    scheduled_job(api.storage, "2.25.2")
    page = changes(api, after=0, study_instance_uid="2.25.2", type="study")
    ((change),) = page["items"]
    assert (change["type"], change["change"]) == ("study", "series_complete")
    # What was left out is behind the program, too.
    assert page["next_after"] == api.storage.events.last_id()
    assert changes(api, after=0, type=["job", "report"])["items"][0]["type"] == "job"


def test_a_program_may_wait_for_the_next_change(api: ApiNode) -> None:
    after = changes(api)["next_after"]
    timer = threading.Timer(0.3, scheduled_job, (api.storage, "2.25.7"))
    timer.start()
    page = changes(api, after=after, wait_s=25)
    timer.join()
    assert [one["study_instance_uid"] for one in page["items"]] == ["2.25.7"]


def test_numbers_stay_over_a_restart(api_settings: Settings) -> None:
    with api_node(api_settings) as api:
        scheduled_job(api.storage, "2.25.1")
        before = changes(api, after=0)
    with api_node(api_settings) as api:
        assert changes(api, after=0) == before
        scheduled_job(api.storage, "2.25.2")
        (change,) = changes(api, after=before["next_after"])["items"]
    assert change["study_instance_uid"] == "2.25.2"


def test_a_number_that_nobody_knows_any_more_is_refused(api: ApiNode) -> None:
    scheduled_job(api.storage, "2.25.1")
    with writing(api.storage.engine) as connection:
        connection.execute(update(t.event).values(at=utcnow() - timedelta(days=90)))
    scheduled_job(api.storage, "2.25.2")
    api.storage.events.prune(utcnow() - timedelta(days=30))
    for after in (0, 10**9):
        answer = api.client.get("/api/v1/changes", params={"after": after})
        assert "without `after`" in is_problem(answer, 410, "events_gone")["remedy"]
    assert changes(api, after=changes(api)["next_after"])["items"] == []
