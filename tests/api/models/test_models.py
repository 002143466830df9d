"""Models over HTTP: cards for all, decisions for administrators alone."""

from datetime import timedelta
from pathlib import Path

import pytest

from inference.model_registry.adding import add_model
from inference.model_trial.process import try_in_process
from storage.core.clock import utcnow
from storage.events.repository import Events
from storage.model_registry.drift import Observation
from tests.api.access.closed import ClosedNode, closed_node, closed_settings
from tests.api.client import ApiNode, finding_of, is_problem, scheduled_job, worked_on
from tests.api.models.test_run_by_workers import worker
from tests.inference.bundles import segmentation_bundle

NAME = "spleen-of-phantoms"


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    ranges = [
        {"label": "Brain volume", "unit": "cm3", "at_least": 1000, "at_most": 1600, "sex": "F",
         "source": "A study of women"},
        {"label": "Brain volume", "unit": "cm3", "at_least": 900, "source": "Anybody's"},
    ]  # fmt: skip
    return segmentation_bundle(tmp_path / "bundle", normal_ranges=ranges, revision="9c1e")


@pytest.mark.slow
def test_a_model_goes_from_verified_to_retired(api: ApiNode, bundle: Path) -> None:
    add_model(
        api.storage.settings,
        api.storage.model_states,
        api.storage.shadow_runs,
        bundle,
        "petra",
        hold=True,
    )
    listed = {one["name"]: one for one in api.client.get("/api/models").json()["items"]}
    assert listed["deepbet"]["state"] == "active"
    assert (listed[NAME]["state"], listed[NAME]["ready"]) == ("added", False)
    assert "mediview models verify" in listed[NAME]["detail"]
    refused = api.client.post(f"/api/models/{NAME}/activate")
    is_problem(refused, 409, "model_held")
    # A process of its own imports torch and MONAI first.
    with worker(api, try_in_process):
        verified = api.client.post(f"/api/models/{NAME}/verify", timeout=240).json()
    assert verified["versions"][0]["state"] == "verified"
    active = api.client.post(f"/api/models/{NAME}/activate", json={"version": "0.3.1"}).json()
    (version,) = active["versions"]
    assert (version["state"], version["ready"], version["changed_by"]) == ("active", True, "local")
    assert version["revision"] == "9c1e"
    assert version["output_codes"][0]["meaning"] == "Spleen"
    retired = api.client.post(f"/api/models/{NAME}/retire", json={"reason": "Enough."}).json()
    assert [(one["to_state"], one["detail"]) for one in retired["history"][:1]] == [
        ("retired", "Enough.")
    ]
    is_problem(api.client.get("/api/models/none"), 404, "not_found")
    topics = [event.topic for event in Events(api.storage.engine).since(0)]
    assert topics.count("model") == len(retired["history"])


def test_what_an_evaluation_measured_is_told_beside_the_gate(api: ApiNode, bundle: Path) -> None:
    add_model(
        api.storage.settings,
        api.storage.model_states,
        api.storage.shadow_runs,
        bundle,
        "petra",
        hold=True,
    )
    (before,) = api.client.get(f"/api/models/{NAME}").json()["versions"]
    assert before["evaluation"] is None
    measured = {"dice": 0.93, "hausdorff95_mm": None}
    evaluation = {
        "metrics": measured,
        "segments": {"Spleen": measured},
        "labels": {"Effusion": {"auc": 0.9, "auc_lower": 0.8, "auc_upper": None}},
        "evaluated_at": utcnow().isoformat(),
        "digest": "d",
    }
    assert api.storage.model_states.keep_evaluation(NAME, "0.3.1", evaluation)
    (after,) = api.client.get(f"/api/models/{NAME}").json()["versions"]
    assert after["evaluation"]["metrics"] == {"dice": 0.93}
    assert after["evaluation"]["segments"] == {"Spleen": {"dice": 0.93}}
    assert after["evaluation"]["labels"] == {"Effusion": {"auc": 0.9, "auc_lower": 0.8}}


def test_a_finding_links_its_card_which_says_what_is_normal(api: ApiNode, bundle: Path) -> None:
    add_model(
        api.storage.settings,
        api.storage.model_states,
        api.storage.shadow_runs,
        bundle,
        "petra",
        hold=True,
    )
    job, _ = api.storage.jobs.schedule(f"bundle-{NAME}", "0.3.1", "2.25.1", "2.25.2", "f" * 64)
    worked_on(api.storage, job, 950.0)
    answer = api.client.get(f"/api/jobs/{job.job_id}").json()
    (finding,) = answer["findings"]
    (card,) = api.client.get(finding["model_url"]).json()["items"]
    assert (card["name"], card["version"]) == (NAME, "0.3.1")
    stated = [(one["low"], one["sex"], one["source"]) for one in card["normal_ranges"]]
    assert stated[1:] == [(900.0, "", "Anybody's")]
    other = scheduled_job(api.storage)
    worked_on(api.storage, other)
    assert finding_of(other, 1.0).pipeline == "brain-volume"
    (of_other,) = api.client.get(f"/api/jobs/{other.job_id}").json()["findings"]
    (deepbet,) = api.client.get(of_other["model_url"]).json()["items"]
    assert deepbet["name"] == "deepbet"


@pytest.mark.parametrize("order", ["verify", "activate", "shadow", "retire"])
def test_only_administrators_decide(tmp_path: Path, order: str) -> None:
    with closed_node(closed_settings(tmp_path)) as closed:
        _only_admins(closed, order)


def _only_admins(closed: ClosedNode, order: str) -> None:
    with closed.with_key("reader", "radiologist", "api:read", "api:write") as reader:
        assert reader.get("/api/models/deepbet").status_code == 200
        assert reader.post(f"/api/models/deepbet/{order}").status_code == 403


def test_agreement_and_drift_are_told_in_numbers(api: ApiNode, bundle: Path) -> None:
    add_model(
        api.storage.settings, api.storage.model_states, api.storage.shadow_runs, bundle, "petra"
    )
    assert api.client.get(f"/api/models/{NAME}/agreement").json() == {"items": []}
    now = utcnow()
    storage = api.storage
    storage.shadow_runs.schedule(
        (NAME, "0.3.1"), (f"bundle-{NAME}", "0.3.1"), ("2.25.1", "2.25.2"), "f" * 64, now
    )
    (run,) = storage.shadow_runs.due(utcnow())
    assert storage.shadow_runs.claim(run, "a-worker", 60, utcnow())
    assert not storage.shadow_runs.claim(run, "a-worker", 60, utcnow())
    volume = {"active": 100.0, "shadow": 110.0, "unit": "cm3"}
    agreement = {
        "active_version": "0.3.0",
        "segments": {"Spleen": 0.875},
        "measurements": {"Spleen volume": volume},
    }
    storage.shadow_runs.end(run.shadow_id, "DONE", now, agreement=agreement)
    (found,) = api.client.get(f"/api/models/{NAME}/agreement").json()["items"]
    assert found["segments"] == [
        {"label": "Spleen", "count": 1, "mean_dice": 0.875, "lowest_dice": 0.875}
    ]
    assert found["measurements"][0]["mean_difference"] == 10.0
    for number in range(90):
        storage.drift.observe(
            Observation(
                str(number), f"bundle-{NAME}", "0.3.1", "A / B", "2.25.1",
                {"input: slices": 40.0 if number < 60 else 90.0}, now + timedelta(seconds=number),
            )
        )  # fmt: skip
    (shift,) = api.client.get("/api/drift").json()["items"]
    assert (shift["measure"], shift["alerts"]) == ("input: slices", True)
    assert (shift["baseline_median"], shift["recent_median"]) == (40.0, 90.0)
    order = {"pipeline": f"bundle-{NAME}", "pipeline_version": "0.3.1"}
    since = api.client.post("/api/drift/baseline", json=order).json()
    assert since["set_by"] == "local"
    assert "mediview_model_drift" in api.client.get("/metrics").text
    unknown = api.client.post("/api/drift/baseline", json={**order, "pipeline": "none"})
    is_problem(unknown, 404, "not_found")
