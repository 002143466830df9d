"""The site's rules: what they can ask, what they decide, and how mistakes are told."""

from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread

from inference.pipelines.checks.rules import check_at_start
from inference.rules.facts import SeriesFacts
from inference.rules.file import read_rules
from inference.rules.judge import rule_on
from inference.rules.rule_set import RuleSet
from inference.scheduling.deciding import results_in
from inference.scheduling.explain import explain_study
from inference.scheduling.schedule import complete_and_schedule, schedule_series
from inference.worker.run import run_job
from storage.core.errors import InvalidRequest
from tests.inference.orchestration import later, receive, settings_in, storage_in
from tests.inference.pipelines.chest.test_chest_ct import headers
from tests.inference.rules.rules_files import CHEST, rules_in
from tests.inference.small import BrightRegion, mr_series, mr_slice, series_uid, study_uid


def test_a_refusal_names_the_condition_and_what_was_found(tmp_path: Path) -> None:
    rules = read_rules(rules_in(tmp_path, CHEST))
    ruling = rule_on(rules, "lung-density", SeriesFacts(headers()))
    assert not ruling.allowed
    assert ruling.reason == (
        "No rule of the site holds: 'thin chest only' wants slice_spacing_mm ≤ 2 (found 2.5)."
    )
    assert rule_on(rules, "brain-volume", SeriesFacts(headers())).allowed
    thin = rule_on(rules, "lung-density", SeriesFacts(headers(distance_mm=1.0, count=200)))
    assert thin.allowed
    assert thin.rule is not None
    assert (thin.rule.priority, thin.rule.destinations) == (100, ("research",))


def test_the_first_rule_that_holds_counts() -> None:
    rules = RuleSet.model_validate(
        {
            "rules": [
                {"name": "a", "pipeline": "p", "when": {"Modality": "MR"}},
                {"name": "b", "pipeline": "p", "enabled": False, "when": {"Modality": "CT"}},
                {"name": "c", "pipeline": "p"},
            ]
        }
    )
    ruling = rule_on(rules, "p", SeriesFacts(headers()))
    assert not ruling.allowed
    assert ruling.reason == "The site's rule 'b' says no."
    assert [one.rule.name for one in ruling.tried] == ["a", "b"]


def test_a_rule_sets_the_priority_and_refuses_what_it_does_not_want(tmp_path: Path) -> None:
    pipeline = BrightRegion()
    with storage_in(tmp_path) as storage:
        rules_in(
            storage.settings.data_dir,
            f"rules: [{{name: urgent, pipeline: {pipeline.name}, priority: STAT,"
            " when: {instances: {at_least: 8}}}]",
        )
        receive(storage, mr_series("many", 8))
        receive(storage, mr_series("few", 5))
        decisions = {
            one.study_instance_uid: one
            for one in complete_and_schedule(storage, later(10), [pipeline])
        }
        assert not decisions[study_uid("few")].accepted
        assert "instances ≥ 8 (found 5)" in decisions[study_uid("few")].reason
        many = decisions[study_uid("many")]
        assert "rule 'urgent' holds" in many.reason
        assert storage.jobs.get(many.job_id or "").priority == 100


def test_explaining_names_what_held_and_what_did_not(tmp_path: Path) -> None:
    with storage_in(tmp_path) as storage:
        receive(storage, mr_series("head", 6))
        complete_and_schedule(storage, later(10))
        rules = RuleSet.model_validate(
            {"rules": [{"name": "r", "pipeline": "brain-volume", "when": {"Modality": "CT"}}]}
        )
        stated = {
            one.pipeline: one
            for one in explain_study(
                storage.settings,
                storage.index,
                storage.instances,
                storage.worklist,
                storage.model_states,
                results_in(storage),
                study_uid("head"),
                rules,
            )
        }
        assert set(stated) == {"brain-volume", "brain-structures", "lung-density", "film-field"}
        brain = stated["brain-volume"]
        assert not brain.would_run
        (tried,) = brain.rules
        assert tried.trace is not None
        assert (tried.trace.text, tried.trace.found, tried.trace.holds) == (
            "Modality CT",
            "MR",
            False,
        )


def test_scheduling_again_changes_nothing(tmp_path: Path) -> None:
    pipeline = BrightRegion()
    with storage_in(tmp_path) as storage:
        rules_in(storage.settings.data_dir, f"rules: [{{name: r, pipeline: {pipeline.name}}}]")
        receive(storage, mr_series("head", 6))
        (first,) = complete_and_schedule(storage, later(10), [pipeline])
        series = storage.index.series(first.study_instance_uid, first.series_instance_uid)
        (again,) = schedule_series(storage, series, [pipeline])
        assert again.job_id == first.job_id


def test_a_job_that_passes_its_deadline_ends_with_that_reason(tmp_path: Path) -> None:
    pipeline = BrightRegion(hold=tmp_path / "never")
    with storage_in(tmp_path) as storage:
        rules_in(
            storage.settings.data_dir,
            f"rules: [{{name: r, pipeline: {pipeline.name}, deadline_s: 0.3}}]",
        )
        receive(storage, mr_series("head", 6))
        (decision,) = complete_and_schedule(storage, later(10), [pipeline])
        job = run_job(storage, decision.job_id or "", "worker", pipelines=[pipeline])
        assert job is not None
        assert job.state == "CANCELED"
        assert "longer than the 0.3 s" in job.reason
        assert job.attempts == 1


def test_results_go_where_the_rule_says(tmp_path: Path) -> None:
    pipeline = BrightRegion()
    with storage_in(
        tmp_path, destinations="pacs=PACS@127.0.0.1:9,research=R@127.0.0.1:9"
    ) as storage:
        rules_in(
            storage.settings.data_dir,
            f"rules: [{{name: r, pipeline: {pipeline.name}, destinations: [research, gone]}}]",
        )
        receive(storage, mr_series("head", 6))
        (decision,) = complete_and_schedule(storage, later(10), [pipeline])
        run_job(storage, decision.job_id or "", "worker", pipelines=[pipeline])
        deliveries = storage.deliveries.of_study(study_uid("head"))
        assert {one.destination for one in deliveries} == {"research"}


def test_of_two_series_the_finer_one_is_taken(tmp_path: Path) -> None:
    pipeline = BrightRegion()
    study = "2.25.777"
    with storage_in(tmp_path) as storage:
        rules_in(
            storage.settings.data_dir,
            f"rules: [{{name: r, pipeline: {pipeline.name}, choose: best-resolution}}]",
        )
        for name, step_mm in (("coarse", 3.0), ("fine", 1.0), ("middling", 2.0)):
            receive(storage, in_study(study, mr_series_with_step(name, step_mm)))
            (decision,) = complete_and_schedule(storage, later(10), [pipeline])
            assert decision.accepted == (name != "middling"), decision.reason
        assert "takes one series" in decision.reason
        by_series = {
            one.series_instance_uid: one for one in storage.acceptance_decisions.of_study(study)
        }
        assert not by_series[series_uid("coarse")].accepted
        assert by_series[series_uid("fine")].accepted
        states = {
            job.series_instance_uid: job.state
            for job in storage.jobs.list(study_instance_uid=study)[0]
        }
        assert states == {series_uid("coarse"): "CANCELED", series_uid("fine"): "SCHEDULED"}


def mr_series_with_step(name: str, step_mm: float) -> list[bytes]:
    return [mr_slice(name, number, position_mm=number * step_mm) for number in range(1, 7)]


def in_study(study_instance_uid: str, instances: list[bytes]) -> list[bytes]:
    moved = []
    for part10 in instances:
        dataset = dcmread(BytesIO(part10))
        dataset.StudyInstanceUID = study_instance_uid
        buffer = BytesIO()
        dataset.save_as(buffer)
        moved.append(buffer.getvalue())
    return moved


def test_a_rule_for_a_pipeline_that_does_not_exist_is_refused_at_start(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    settings.data_dir.mkdir()
    rules_in(settings.data_dir, "rules: [{name: r, pipeline: brain-volumes}]")
    with pytest.raises(InvalidRequest, match="'brain-volumes', which does not exist"):
        check_at_start(settings)
