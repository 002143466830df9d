"""What a model brings runs in a worker, and never below the process that serves HTTP."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from api.models import by_worker
from inference.model_registry.adding import add_model
from inference.model_registry.verification import self_test_named
from inference.model_trial.due import run_due_trial
from inference.model_trial.process import MeasuredTrial, TrialFailed
from storage.model_registry.trials import ModelTrial, TrialProblem
from storage.settings import Settings
from tests.api.client import ApiNode, is_problem
from tests.inference.bundles import segmentation_bundle
from tests.inference.plain_models import onnx_model

ROOT = Path(__file__).parents[3]
NAME = "plain-spleen"
WORKER = """
import sys, time
from inference.model_trial.due import run_due_trial
from storage.container import open_storage
from storage.settings import load_settings
with open_storage(load_settings()) as storage:
    while run_due_trial(storage) is None:
        time.sleep(0.1)
"""
# The environment of the process itself and of those that began it, up to the worker.
PRYING = (
    "$[[open({seen!r}, 'ab').write(open(f'/proc/{{pid}}/environ', 'rb').read())"
    " for pid in ('self', open('/proc/self/stat').read().split(') ')[1].split()[1])],"
    " @network_def.to(@device)][1]"
)


def added(node: ApiNode, model: Path) -> None:
    storage = node.storage
    add_model(
        storage.settings, storage.model_states, storage.shadow_runs, model, "petra", hold=True
    )


@contextmanager
def worker(
    node: ApiNode, trying: Callable[[Settings, ModelTrial], MeasuredTrial]
) -> Iterator[list[ModelTrial]]:
    """One that is free, in this process."""
    done = threading.Event()
    ran: list[ModelTrial] = []

    def work() -> None:
        while not done.wait(0.05):
            if trial := run_due_trial(node.storage, trying=trying):
                ran.append(trial)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield ran
    finally:
        done.set()
        thread.join()


def self_tested(settings: Settings, trial: ModelTrial) -> MeasuredTrial:
    assert trial.study_instance_uid == ""
    return MeasuredTrial([], 1, self_test_named(settings, trial.model, trial.model_version))


@pytest.fixture
def nothing_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    """The process that serves HTTP starts no program."""

    def refused(*_: object, **__: object) -> None:
        raise AssertionError("a program was begun")

    monkeypatch.setattr("storage.processes.contained.subprocess.Popen", refused)


@pytest.mark.usefixtures("nothing_begins")
def test_a_worker_tests_and_the_node_notes_it(api: ApiNode, tmp_path: Path) -> None:
    added(api, onnx_model(tmp_path / "plain"))
    with worker(api, self_tested) as ran:
        verified = api.client.post(f"/api/v1/models/{NAME}/verify", timeout=120)
    assert verified.status_code == 200, verified.text
    (version,) = verified.json()["versions"]
    assert (version["state"], version["changed_by"]) == ("verified", "local")
    assert [one.model for one in ran] == [NAME]
    # It is no trial on a study.
    assert api.client.get(f"/api/v1/model-trials?model={NAME}").json()["items"] == []


@pytest.mark.usefixtures("nothing_begins")
@pytest.mark.parametrize(
    ("code", "state"), [("self_test_failed", "added"), ("model_unusable", "verified")]
)
def test_only_a_failed_self_test_takes_a_model_out_of_use(
    api: ApiNode, tmp_path: Path, code: str, state: str
) -> None:
    """That it needs more memory, or longer, says nothing of the model."""
    added(api, onnx_model(tmp_path / "plain"))

    def failing(_: Settings, trial: ModelTrial) -> MeasuredTrial:
        raise TrialFailed(TrialProblem(code=code, detail="It sees nothing.", remedy="Look."))

    with worker(api, self_tested):
        assert api.client.post(f"/api/v1/models/{NAME}/verify", timeout=120).is_success
    with worker(api, failing):
        refused = api.client.post(f"/api/v1/models/{NAME}/verify", timeout=120)
    is_problem(refused, 422, "model_unusable")
    assert refused.json()["detail"] == "It sees nothing."
    assert api.client.get(f"/api/v1/models/{NAME}").json()["versions"][0]["state"] == state


@pytest.mark.usefixtures("nothing_begins")
def test_other_files_at_the_worker_verify_nothing_here(api: ApiNode, tmp_path: Path) -> None:
    added(api, onnx_model(tmp_path / "plain"))

    def of_other_files(settings: Settings, trial: ModelTrial) -> MeasuredTrial:
        measured = self_tested(settings, trial)
        assert measured.proof is not None
        return MeasuredTrial([], 1, {**measured.proof, "digest": "0" * 64})

    with worker(api, of_other_files):
        refused = api.client.post(f"/api/v1/models/{NAME}/verify", timeout=120)
    is_problem(refused, 422, "model_unusable")
    assert "other files" in refused.json()["detail"]
    assert api.client.get(f"/api/v1/models/{NAME}").json()["versions"][0]["state"] == "added"


@pytest.mark.usefixtures("nothing_begins")
def test_without_a_worker_nothing_runs(
    api: ApiNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(by_worker, "WAIT_S", 0.5)
    added(api, onnx_model(tmp_path / "plain"))
    refused = api.client.post(f"/api/v1/models/{NAME}/verify")
    is_problem(refused, 429, "too_many_requests")
    assert "no worker" in refused.json()["detail"]
    assert run_due_trial(api.storage, trying=self_tested) is None


@pytest.mark.slow
def test_a_models_code_finds_nothing_of_what_the_api_was_given(
    api: ApiNode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a bundle whose configuration is code: it reads environments, its own and its parents'."""
    monkeypatch.setenv("MEDIVIEW_PROBE", "postgresql://mediview_api:only-the-api@db/mediview")
    seen = tmp_path / "seen"
    bundle = segmentation_bundle(tmp_path / "bundle")
    config = bundle / "configs" / "inference.json"
    inference = json.loads(config.read_text())
    inference["network"] = PRYING.format(seen=str(seen))
    config.write_text(json.dumps(inference))
    added(api, bundle)
    environment = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "MEDIVIEW_DATA_DIR": str(api.storage.settings.data_dir),
        "MEDIVIEW_PROBE": "postgresql://mediview_worker:only-the-worker@db/mediview",
        "OMP_NUM_THREADS": "1",
    }
    with subprocess.Popen([sys.executable, "-c", WORKER], env=environment, cwd=ROOT) as running:
        try:
            answer = api.client.post("/api/v1/models/spleen-of-phantoms/verify", timeout=290)
        finally:
            running.terminate()
    assert answer.status_code == 200, answer.text
    found = seen.read_bytes()
    assert b"only-the-worker" in found
    assert b"only-the-api" not in found
