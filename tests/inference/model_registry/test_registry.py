"""Which model may speak: added, verified, active, in the shadow, retired."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from inference.model_registry import transitions as deciding
from inference.model_registry import verification as proving
from inference.model_registry.adding import add_model
from inference.model_registry.status import ModelBlocked, model_of, offered, standing_named
from inference.model_registry.verification import ensure_proven, verify
from inference.model_trial.process import TrialFailed, try_in_process
from inference.models.card import ModelCard, Proof
from inference.pipelines.catalogue import pipeline_named
from inference.refusals import ModelUnusable
from inference.scheduling.schedule import schedule_series
from inference.worker.run import run_job
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.errors import InvalidRequest, NotFound
from tests.inference.bundles import segmentation_bundle
from tests.inference.orchestration import complete_series, storage_in
from tests.inference.small import BrightRegion

NAME, PIPELINE = "spleen-of-phantoms", "bundle-spleen-of-phantoms"
GATE = {"dice": {"at_least": 0.9}, "hausdorff95_mm": {"at_most": 4}, "cases": {"at_least": 2}}


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    proving._proven.clear()
    with storage_in(tmp_path) as storage:
        yield storage


@pytest.fixture
def first(tmp_path: Path) -> Path:
    return segmentation_bundle(tmp_path / "first", accepts={"Modality": "MR"})


@pytest.fixture
def second(tmp_path: Path) -> Path:
    return segmentation_bundle(
        tmp_path / "second", version="0.4.0", threshold=0.4, accepts={"Modality": "MR"}
    )


def state(storage: Storage, version: str) -> str:
    return model_of(storage.settings, storage.model_states, NAME, version).state


def test_a_model_that_is_held_is_added_and_offered_nothing(storage: Storage, first: Path) -> None:
    added = add_model(
        storage.settings, storage.model_states, storage.shadow_runs, first, "petra", hold=True
    )
    assert added.standing.state == "added"
    decisions = {
        one.pipeline: one for one in schedule_series(storage, complete_series(storage, "one"))
    }
    assert not decisions[PIPELINE].accepted
    assert decisions[PIPELINE].reason.startswith(f"The model {NAME} 0.3.1 is not verified.")
    with pytest.raises(ModelBlocked, match="not verified, so it cannot become active"):
        deciding.activate(storage.model_states, storage.shadow_runs, added.standing, "petra")
    with pytest.raises(ModelBlocked, match="cannot become a shadow"):
        deciding.shadow(storage.model_states, storage.shadow_runs, added.standing, "petra")


def test_from_added_to_results_with_who_and_when(storage: Storage, first: Path) -> None:
    add_model(
        storage.settings, storage.model_states, storage.shadow_runs, first, "petra", hold=True
    )
    verify(storage.model_states, model_of(storage.settings, storage.model_states, NAME), "hugo")
    assert state(storage, "0.3.1") == "verified"
    assert not schedule_series(storage, complete_series(storage, "held"))[-1].accepted
    deciding.activate(
        storage.model_states,
        storage.shadow_runs,
        model_of(storage.settings, storage.model_states, NAME),
        "hugo",
    )
    series = complete_series(storage, "two", 12)
    decision = next(one for one in schedule_series(storage, series) if one.pipeline == PIPELINE)
    assert decision.accepted, decision.reason
    job = run_job(storage, decision.job_id or "", "worker")
    assert job is not None
    assert job.state == "COMPLETED", job.reason
    history = storage.model_states.history(NAME)
    assert [(one.from_state, one.to_state, one.changed_by) for one in reversed(history)] == [
        ("", "added", "petra"),
        ("added", "verified", "hugo"),
        ("verified", "active", "hugo"),
    ]


def test_a_second_version_waits_until_somebody_decides(
    storage: Storage, first: Path, second: Path
) -> None:
    assert (
        add_model(
            storage.settings, storage.model_states, storage.shadow_runs, first, "petra"
        ).standing.state
        == "active"
    )
    added = add_model(storage.settings, storage.model_states, storage.shadow_runs, second, "petra")
    assert added.standing.state == "verified"
    assert "Version 0.3.1 stays active." in " ".join(added.steps)
    assert (
        standing_named(storage.settings, storage.model_states, PIPELINE).pipeline.version == "0.3.1"
    )
    with pytest.raises(ModelBlocked, match=r"2 versions of spleen-of-phantoms: 0.3.1, 0.4.0"):
        model_of(storage.settings, storage.model_states, NAME)
    deciding.activate(
        storage.model_states,
        storage.shadow_runs,
        model_of(storage.settings, storage.model_states, NAME, "0.4.0"),
        "petra",
    )
    assert (state(storage, "0.3.1"), state(storage, "0.4.0")) == ("retired", "active")
    assert (
        standing_named(storage.settings, storage.model_states, PIPELINE).pipeline.version == "0.4.0"
    )
    # Back again: what was retired is verified still.
    deciding.activate(
        storage.model_states,
        storage.shadow_runs,
        model_of(storage.settings, storage.model_states, NAME, "0.3.1"),
        "petra",
    )
    assert [
        one.pipeline.version
        for one in offered(storage.settings, storage.model_states)
        if one.pipeline.name == PIPELINE
    ] == ["0.3.1"]
    with pytest.raises(NotFound, match="no version 9"):
        model_of(storage.settings, storage.model_states, NAME, "9")


def test_other_weights_under_the_same_version_begin_again(
    storage: Storage, first: Path, tmp_path: Path
) -> None:
    add_model(storage.settings, storage.model_states, storage.shadow_runs, first, "petra")
    other = segmentation_bundle(tmp_path / "other", threshold=0.2, accepts={"Modality": "MR"})
    added = add_model(
        storage.settings, storage.model_states, storage.shadow_runs, other, "petra", hold=True
    )
    assert added.standing.state == "added"


def test_a_job_of_a_model_that_was_retired_meanwhile_makes_nothing(
    storage: Storage, first: Path
) -> None:
    add_model(storage.settings, storage.model_states, storage.shadow_runs, first, "petra")
    series = complete_series(storage, "three", 12)
    decision = next(one for one in schedule_series(storage, series) if one.pipeline == PIPELINE)
    deciding.retire(
        storage.model_states,
        storage.shadow_runs,
        model_of(storage.settings, storage.model_states, NAME),
        "petra",
        "The mask bleeds into the liver",
    )
    job = run_job(storage, decision.job_id or "", "worker")
    assert job is not None
    assert job.state == "CANCELED"
    assert job.reason.startswith(
        f"The model {NAME} 0.3.1 is retired. The mask bleeds into the liver. mediview models"
    )


def test_a_gate_names_metric_value_and_threshold(storage: Storage, tmp_path: Path) -> None:
    gated = segmentation_bundle(tmp_path / "gated", gate=GATE)
    added = add_model(storage.settings, storage.model_states, storage.shadow_runs, gated, "petra")
    assert added.standing.state == "verified"
    assert "dice at least 0.9" in added.steps[-1]
    measured = {"dice": 0.85, "hausdorff95_mm": 3.0, "cases": 5.0}
    assert storage.model_states.keep_evaluation(NAME, "0.3.1", {"metrics": measured})
    with pytest.raises(ModelBlocked, match=r"dice is 0\.85, at least 0\.9 is asked\."):
        deciding.activate(
            storage.model_states,
            storage.shadow_runs,
            model_of(storage.settings, storage.model_states, NAME),
            "petra",
        )
    storage.model_states.keep_evaluation(NAME, "0.3.1", {"metrics": measured | {"dice": 0.93}})
    assert (
        deciding.activate(
            storage.model_states,
            storage.shadow_runs,
            model_of(storage.settings, storage.model_states, NAME),
            "petra",
        ).state
        == "active"
    )


@pytest.mark.parametrize("value", [float("nan"), None])
def test_a_metric_that_was_not_measured_opens_no_gate(
    storage: Storage, tmp_path: Path, value: float | None
) -> None:
    add_model(
        storage.settings,
        storage.model_states,
        storage.shadow_runs,
        segmentation_bundle(tmp_path / "gated", gate=GATE),
        "petra",
    )
    metrics = {"hausdorff95_mm": 1.0, "cases": 9.0} | ({} if value is None else {"dice": value})
    storage.model_states.keep_evaluation(NAME, "0.3.1", {"metrics": metrics})
    with pytest.raises(ModelBlocked, match="dice is not measured"):
        deciding.activate(
            storage.model_states,
            storage.shadow_runs,
            model_of(storage.settings, storage.model_states, NAME),
            "petra",
        )


def test_a_card_with_an_unknown_metric_is_refused_when_it_is_added(
    storage: Storage, tmp_path: Path
) -> None:
    folder = segmentation_bundle(tmp_path / "b", gate={"dyce": {"at_least": 1}})
    with pytest.raises(InvalidRequest, match="gate knows no dyce"):
        add_model(storage.settings, storage.model_states, storage.shadow_runs, folder, "petra")


class Forgetful(BrightRegion):
    """Gives another answer from the second self-test on, as with another library."""

    answers: Iterator[float] = iter(())

    def prove(self) -> Proof:
        return Proof({"share": next(self.answers)}, "It answers.")


def test_a_built_in_model_is_proven_before_it_speaks_and_taken_out_when_it_changes(
    storage: Storage,
) -> None:
    card = ModelCard("forgetful", "1", "Apache-2.0", "tests", "Tests.", "MR")
    pipeline = Forgetful(name="forgetful", card=card)
    Forgetful.answers = iter((0.5, 0.501, 0.9, 0.9))
    ensure_proven(storage.model_states, pipeline)
    record = storage.model_states.get("forgetful", "1")
    assert record is not None
    assert (record.state, record.changed_by) == ("active", "self-test")
    ensure_proven(storage.model_states, pipeline)  # not again in this process
    proving._proven.clear()
    ensure_proven(storage.model_states, pipeline)  # rounding of another machine
    proving._proven.clear()
    with pytest.raises(ModelUnusable, match=r"gives share 0\.9 .* it gave 0\.5 "):
        ensure_proven(storage.model_states, pipeline)
    with pytest.raises(ModelBlocked, match="is not verified"):
        ensure_proven(storage.model_states, pipeline)
    (standing,) = offered(storage.settings, storage.model_states, [pipeline])
    assert "it gave 0.5 when" in standing.blocked
    kept, _ = verify(storage.model_states, standing, "petra")
    assert kept.state == "active"


@pytest.mark.slow
def test_a_model_is_tested_in_a_process_of_its_own(
    storage: Storage, first: Path, tmp_path: Path
) -> None:
    add_model(
        storage.settings, storage.model_states, storage.shadow_runs, first, "petra", hold=True
    )
    trial = storage.model_trials.ask((NAME, "0.3.1"), NAME, "", "hugo", utcnow())
    proof = try_in_process(storage.settings, trial).proof
    assert proof is not None
    assert proof["answer"]
    # The worker decides nothing.
    assert state(storage, "0.3.1") == "added"
    folder = next(storage.settings.resolved_models_dir.glob(f"{NAME}@*"))
    (folder / "configs" / "inference.json").write_text("{}")
    with pytest.raises(TrialFailed) as failed:
        try_in_process(storage.settings, trial)
    assert "has changed since it was added" in failed.value.problem["detail"]


def test_the_models_of_the_box_prove_themselves(storage: Storage, shared_models: Path) -> None:
    add_model(
        storage.settings,
        storage.model_states,
        storage.shadow_runs,
        shared_models / "meshnet-brain-structures",
        "petra",
    )
    for name in ("brain-volume", "brain-structures", "lung-density"):
        kept, shown = verify(
            storage.model_states,
            standing_named(storage.settings, storage.model_states, name),
            "petra",
        )
        assert kept.state == "active", name
        assert kept.answer, name
        assert "blank" in shown


def test_versions_lie_side_by_side(storage: Storage, first: Path, second: Path) -> None:
    add_model(storage.settings, storage.model_states, storage.shadow_runs, first, "petra")
    add_model(storage.settings, storage.model_states, storage.shadow_runs, second, "petra")
    names = sorted(path.name for path in storage.settings.resolved_models_dir.glob("[!.]*"))
    assert names == [f"{NAME}@0.3.1", f"{NAME}@0.4.0"]
    shutil.rmtree(storage.settings.resolved_models_dir / f"{NAME}@0.4.0")
    assert pipeline_named(storage.settings, PIPELINE).version == "0.3.1"
