"""Trials that a worker runs: asked for by administrators, kept for an hour, results of nothing."""

import base64
from datetime import timedelta
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from inference.model_registry.adding import add_model
from inference.model_registry.apart import alone_on_host
from inference.model_trial.due import run_due_trial
from inference.model_trial.process import MeasuredTrial
from inference.model_trial.trying import try_named
from storage.audit import Code
from storage.container import Storage
from storage.core.callers.visibility import Visibility, limited_to
from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest, NotFound
from storage.model_registry.trials import OPEN_AT_MOST, ModelTrial
from storage.settings import Settings
from tests.api.access.closed import audited, closed_node, closed_settings, confirm
from tests.api.client import ApiNode, is_problem
from tests.inference.orchestration import complete_series
from tests.inference.plain_models import onnx_model
from tests.inference.small import study_uid

NAME = "plain-spleen"


def add(storage: Storage, tmp_path: Path) -> None:
    add_model(
        storage.settings,
        storage.model_states,
        storage.shadow_runs,
        onnx_model(tmp_path / "plain"),
        "petra",
        hold=True,
    )


def in_this_process(settings: Settings, trial: ModelTrial) -> MeasuredTrial:
    """As the worker does it in a process of its own, which takes seconds to start."""
    tried = try_named(settings, trial.model, trial.model_version, trial.study_instance_uid)
    return MeasuredTrial(tried, 123 << 20)


@pytest.fixture
def node(api: ApiNode, tmp_path: Path) -> ApiNode:
    complete_series(api.storage, "head", 40)
    add(api.storage, tmp_path)
    return api


def asked(node: ApiNode, study: str = "head") -> str:
    wanted = {"model": NAME, "study_instance_uid": study_uid(study)}
    answer = node.client.post("/api/v1/model-trials", json=wanted)
    assert answer.status_code == 202, answer.text
    trial = answer.json()
    assert answer.headers["Location"] == f"/api/v1/model-trials/{trial['trial_id']}"
    assert (trial["state"], trial["version"], trial["took_s"]) == ("waiting", "1.2", None)
    return str(trial["trial_id"])


def test_a_worker_tries_a_model_and_keeps_what_it_showed_for_an_hour(node: ApiNode) -> None:
    trial_id = asked(node)
    address = f"/api/v1/model-trials/{trial_id}"
    assert node.client.get(address).json()["items"] == []
    assert run_due_trial(node.storage, lambda _: False) is None
    assert run_due_trial(node.storage, trying=in_this_process) is not None
    assert run_due_trial(node.storage, trying=in_this_process) is None
    done = node.client.get(address).json()
    assert (done["state"], done["problem"]) == ("done", None)
    assert done["took_s"] > 0
    assert done["memory_bytes"] == 123 << 20
    (series,) = done["items"]
    assert series["taken"]
    assert series["findings"][0].startswith("Spleen volume: ")
    with Image.open(BytesIO(base64.b64decode(series["picture"]))) as picture:
        assert picture.format == "PNG"
    assert node.storage.findings.of_study(study_uid("head")) == []
    assert node.storage.jobs.list() == ([], 0)
    listed = node.client.get("/api/v1/model-trials", params={"model": NAME}).json()["items"]
    assert [one["trial_id"] for one in listed] == [trial_id]
    node.storage.model_trials.forget_old(utcnow() + timedelta(minutes=59))
    assert node.client.get(address).is_success
    node.storage.model_trials.forget_old(utcnow() + timedelta(minutes=61))
    is_problem(node.client.get(address), 404, "not_found")


def test_trials_are_bounded_and_discarded(node: ApiNode) -> None:
    ids = [asked(node) for _ in range(OPEN_AT_MOST)]
    wanted = {"model": NAME, "study_instance_uid": study_uid("head")}
    is_problem(node.client.post("/api/v1/model-trials", json=wanted), 429, "too_many_requests")
    assert node.client.delete(f"/api/v1/model-trials/{ids[0]}").status_code == 204
    is_problem(node.client.delete(f"/api/v1/model-trials/{ids[0]}"), 404, "not_found")
    asked(node)
    nobody = {"model": NAME, "study_instance_uid": study_uid("nobody")}
    is_problem(node.client.post("/api/v1/model-trials", json=nobody), 404, "not_found")


def test_a_trial_is_seen_by_those_alone_who_see_its_study(node: ApiNode) -> None:
    trials, trial_id, now = node.storage.model_trials, asked(node), utcnow()
    with limited_to(Visibility("account:ada", (3,), sees_unmatched=False)):
        assert trials.of_model(NAME, None, now) == []
        with pytest.raises(NotFound):
            trials.get(trial_id, now)
        trials.discard(trial_id)
    assert trials.get(trial_id, now).state == "waiting"


def test_why_a_trial_failed_is_kept_and_names_no_value_of_the_study(node: ApiNode) -> None:
    def refusing(settings: Settings, trial: ModelTrial) -> MeasuredTrial:
        raise InvalidRequest("It takes several series at once.", remedy="Use another.")

    def broken(settings: Settings, trial: ModelTrial) -> MeasuredTrial:
        raise ValueError("DOE^JANE")

    refused, failed = asked(node), asked(node)
    run_due_trial(node.storage, trying=refusing)
    run_due_trial(node.storage, trying=broken)
    problem = node.client.get(f"/api/v1/model-trials/{refused}").json()["problem"]
    assert problem == {
        "code": "invalid_request",
        "detail": "It takes several series at once.",
        "remedy": "Use another.",
    }
    problem = node.client.get(f"/api/v1/model-trials/{failed}").json()["problem"]
    assert problem["code"] == "model_unusable"
    assert "ValueError" in problem["detail"]
    assert "JANE" not in str(problem)


def test_a_trial_whose_worker_ends_is_tried_once_more(node: ApiNode) -> None:
    trial_id = asked(node)
    trials, now = node.storage.model_trials, utcnow()
    for attempt in range(2):
        later = now + timedelta(seconds=attempt)
        assert trials.claim(trials.due(later)[0], "killed", 1.0, later)
        assert trials.due(later) == []
    assert run_due_trial(node.storage, trying=in_this_process) is None
    node.storage.engine.dispose()
    due = trials.due(now + timedelta(seconds=9))
    assert [one.attempts for one in due] == [2]
    assert trials.claim(due[0], "w", 30.0, now + timedelta(seconds=9))
    trials.discard(trial_id)
    assert not trials.renew(trial_id, "w", 30.0, now)


def test_a_trial_waits_while_another_runs_on_the_host(node: ApiNode) -> None:
    trial_id = asked(node)
    with alone_on_host(node.storage.settings, "Another"):
        assert run_due_trial(node.storage) is not None
    trial = node.storage.model_trials.get(trial_id, utcnow())
    assert (trial.state, trial.attempts) == ("waiting", 0)
    assert trial.not_before > utcnow()


@pytest.mark.slow
def test_a_trial_runs_in_a_process_of_its_own(node: ApiNode) -> None:
    trial_id = asked(node)
    assert run_due_trial(node.storage) is not None
    done = node.client.get(f"/api/v1/model-trials/{trial_id}").json()
    assert done["state"] == "done", done
    assert 50 << 20 < done["memory_bytes"] < 8 << 30
    assert done["items"][0]["taken"]


def test_only_people_ask_for_what_nobody_verified_and_the_audit_trail_tells_of_it(
    tmp_path: Path,
) -> None:
    with closed_node(closed_settings(tmp_path)) as closed:
        complete_series(closed.storage, "head", 40)
        add(closed.storage, tmp_path)
        wanted = {"model": NAME, "study_instance_uid": study_uid("head")}
        with closed.with_key("loader", "admin", "admin") as key:
            is_problem(key.post("/api/v1/model-trials", json=wanted), 403, "not_a_person")
        with closed.signed_in("petra", "admin") as petra:
            refused = petra.post("/api/v1/model-trials", json=wanted)
            is_problem(refused, 403, "confirmation_required")
            assert confirm(petra).status_code == 204
            trial = petra.post("/api/v1/model-trials", json=wanted).json()
            assert trial["asked_by"] == "petra"
            events = audited(closed.storage, code=Code.INSTANCES_ACCESSED, outcome=0)
            assert "models try" in str(events[-1])
        with closed.signed_in("ada", "radiologist") as ada:
            address = f"/api/v1/model-trials/{trial['trial_id']}"
            is_problem(ada.get(address), 403, "not_allowed")
