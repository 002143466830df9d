"""States have one spelling in all that the API says, and former ones are understood."""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal, get_args

import pytest
from pydantic import TypeAdapter, ValidationError

from api.app import create_app
from api.request_rules.enum_spelling import state_of
from storage.core.clock import utcnow
from storage.core.entities import JobStatus
from storage.core.state_words import state_word
from storage.settings import load_settings
from storage.webhooks.payloads import notices_of, wanted_as
from tests.api.client import ApiNode, is_problem, scheduled_job

_WORD = re.compile(r"[a-z]+(_[a-z]+)*")
_State = Annotated[
    Literal["IN PROGRESS", "CANCELED"], *state_of(Literal["IN PROGRESS", "CANCELED"])
]


def _states(value: Any, name: str = "") -> Iterator[str]:
    """The words of every field and parameter that is called a state."""
    if isinstance(value, dict):
        name = value.get("name", name) if "in" in value else name
        if "state" in str(name):
            yield from (str(word) for word in value.get("enum", ()))
        for key, one in value.items():
            yield from _states(one, name if key in ("schema", "items", "anyOf") else key)
    elif isinstance(value, list):
        for one in value:
            yield from _states(one, name)


def test_every_described_state_is_a_word_in_lower_case() -> None:
    found = list(_states(create_app(load_settings()).openapi()))
    assert len(found) > 100
    assert {word for word in found if not _WORD.fullmatch(word)} == set()
    assert set(map(state_word, get_args(JobStatus))) <= set(found)
    assert "canceled" not in found


@pytest.mark.parametrize(
    "written", ["in_progress", "IN PROGRESS", "in-progress", " In Progress ", "IN_PROGRESS"]
)
def test_a_state_is_read_as_it_was_meant_and_written_in_one_way(written: str) -> None:
    state = TypeAdapter(_State)
    assert state.validate_python(written) == "IN PROGRESS"
    assert state.dump_json(state.validate_python(written)) == b'"in_progress"'
    assert state.dump_json(state.validate_python("CANCELED")) == b'"cancelled"'


@pytest.mark.parametrize("written", ["progress", "", 3, None])
def test_what_is_no_state_is_refused_with_those_that_are(written: object) -> None:
    with pytest.raises(ValidationError, match="in_progress, cancelled"):
        TypeAdapter(_State).validate_python(written)


def test_former_spellings_count_in_requests(api: ApiNode) -> None:
    job = scheduled_job(api.storage, "2.25.1")
    assert api.storage.jobs.claim(job.job_id, "worker", 60, utcnow())
    for written in ("IN PROGRESS", "in_progress"):
        (found,) = api.client.get("/api/jobs", params={"state": written}).json()["items"]
        assert (found["job_id"], found["state"]) == (job.job_id, "in_progress")
    refused = is_problem(api.client.get("/api/jobs?state=HELD"), 422, "validation_failed")
    assert "in_progress" in str(refused["errors"])


def test_events_and_notices_spell_states_as_answers_do(api: ApiNode) -> None:
    job = scheduled_job(api.storage, "2.25.2")
    api.client.post(f"/api/jobs/{job.job_id}/cancel")
    changes = api.client.get("/api/changes?after=1&type=job").json()["items"]
    assert [one["state"] for one in changes][-1] == "cancelled"
    with api.storage.engine.connect() as connection:
        notices = [
            notice
            for event in api.storage.events.since(0, limit=100)
            for notice in notices_of(connection, event)
            if event.job_id == job.job_id
        ]
    assert [one.event_type for one in notices] == ["job.scheduled", "job.cancelled"]
    assert [one.data["state"] for one in notices] == ["scheduled", "cancelled"]
    assert wanted_as(("job.canceled",), "job.cancelled") == "job.canceled"
