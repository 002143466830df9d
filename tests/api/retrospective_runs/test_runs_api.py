"""An administrator runs a pipeline over stored studies, over HTTP and on the command line."""

import pytest
from typer.testing import CliRunner

from api.cli.studies.runs import app
from inference.scheduling.schedule import complete_and_schedule
from storage.audit.query import AuditFilter, find_events
from tests.api.client import ApiNode, is_problem
from tests.api.usual_logging import logging_as_before
from tests.inference.orchestration import later
from tests.storage.deletion.test_deleting import STUDY, fill

OURS = {"pipeline": "brain-volume", "studies": {"modality": ["CT", "MR"]}}


@pytest.fixture
def node(api: ApiNode) -> ApiNode:
    fill(api.storage)
    complete_and_schedule(api.storage, later(60), ())
    return api


def test_a_run_is_counted_started_paused_gone_on_with_and_cancelled(node: ApiNode) -> None:
    client = node.client
    counted = client.post("/api/runs", json={**OURS, "dry_run": True})
    assert (counted.status_code, counted.json()) == (200, {"matching": 1, "run": None})
    assert client.get("/api/runs").json()["items"] == []

    started = client.post("/api/runs", json={**OURS, "at_once": 3, "priority": "HIGH"})
    assert started.status_code == 202, started.text
    run = started.json()["run"]
    assert (run["state"], run["at_once"], run["priority"], run["total"]) == ("running", 3, 50, 1)
    assert run["studies"]["modality"] == ["CT", "MR"]
    assert run["sends_results"] is False
    path = f"/api/runs/{run['run_id']}"
    assert started.headers["Location"].endswith(path.removeprefix("/api"))
    (study,) = client.get(f"{path}/studies").json()["items"]
    assert (study["study_instance_uid"], study["state"]) == (STUDY, "waiting")
    assert client.get(f"{path}/studies?state=failed").json()["items"] == []

    assert client.post(f"{path}/pause").json()["state"] == "paused"
    is_problem(client.post(f"{path}/pause"), 409, "state_conflict")
    assert client.post(f"{path}/resume").json()["state"] == "running"
    ended = client.post(f"{path}/cancel").json()
    assert (ended["state"], ended["counts"]["cancelled"]) == ("cancelled", 1)
    is_problem(client.post(f"{path}/resume"), 409, "state_conflict")
    assert [one["run_id"] for one in client.get("/api/runs").json()["items"]] == [run["run_id"]]
    events, _ = find_events(node.storage.engine, AuditFilter(), 100, 0)
    assert sum("/runs" in str(one.detail.get("route")) for one in events) >= 4


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"pipeline": "no-such", "studies": {}}, 404),
        ({"pipeline": "brain-volume", "studies": {"modality": ["XA"]}}, 400),
        ({"pipeline": "image-classification", "studies": {}}, 400),
        ({"pipeline": "brain-volume", "studies": {"colour": "red"}}, 422),
        ({"pipeline": "brain-volume", "studies": {}, "at_once": 0}, 422),
        ({"pipeline": "brain-volume"}, 422),
    ],
)
def test_what_cannot_be_run_is_refused(node: ApiNode, body: dict[str, object], status: int) -> None:
    assert node.client.post("/api/runs", json=body).status_code == status
    assert node.client.get("/api/runs").json()["items"] == []
    assert node.client.get("/api/runs/none").status_code == 404
    assert node.client.get("/api/runs/none/studies").status_code == 404


def test_the_same_on_the_command_line(node: ApiNode, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEDIVIEW_DATA_DIR", str(node.storage.settings.data_dir))

    def run(*arguments: str) -> str:
        with logging_as_before():
            done = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.output

    assert "1 study match" in run("start", "brain-volume", "--dry-run")
    assert "over 1 study" in run("start", "brain-volume", "--modality", "MR", "--modality", "CT")
    (one,) = node.client.get("/api/runs").json()["items"]
    assert one["run_id"][:8] in run("list")
    assert "waiting" in run("studies", one["run_id"])
    run("pause", one["run_id"])
    run("resume", one["run_id"])
    run("cancel", one["run_id"])
    assert node.client.get(f"/api/runs/{one['run_id']}").json()["state"] == "cancelled"
