"""The site's rules: what they can ask, what they decide, and how mistakes are told."""

import os
from io import BytesIO
from pathlib import Path

import pytest
from pydicom import dcmread
from pydicom.dataset import Dataset

from inference.pipelines.checks.rules import check_at_start
from inference.rules.conditions import Condition
from inference.rules.facts import SeriesFacts
from inference.rules.file import current_rules, read_rules
from inference.rules.judge import judge, rule_on
from inference.rules.rule_set import RuleSet
from inference.scheduling.deciding import results_in
from inference.scheduling.explain import explain_study
from inference.scheduling.schedule import complete_and_schedule, schedule_series
from inference.worker.run import run_job
from storage.core.errors import InvalidRequest
from tests.inference.orchestration import later, receive, settings_in, storage_in
from tests.inference.pipelines.chest.test_chest_ct import headers
from tests.inference.small import BrightRegion, mr_series, mr_slice, series_uid, study_uid

CHEST = """
version: 1
rules:
  - name: thin chest only
    pipeline: lung-density
    when:
      all:
        - BodyPartExamined: {contains: chest}
        - slice_spacing_mm: {at_most: 2.0}
        - not: {ConvolutionKernel: {matches: "^B[5-9]"}}
    priority: STAT
    destinations: [research]
"""


def rules_in(folder: Path, text: str) -> Path:
    path = folder / "rules.yaml"
    path.write_text(text)
    return path


def judged(condition: object, slices: list[Dataset] | None = None) -> bool:
    parsed = Condition.model_validate(condition)
    return judge(parsed, SeriesFacts(headers() if slices is None else slices)).holds


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ({"Modality": "ct"}, True),
        ({"Modality": ["MR", "PT"]}, False),
        ({"ImageType": "AXIAL"}, True),
        ({"not": {"ImageType": "LOCALIZER"}}, True),
        ({"BodyPartExamined": {"contains": "che"}}, True),
        ({"ConvolutionKernel": {"matches": "^stand"}}, True),
        ({"ConvolutionKernel": {"matches": "^B"}}, False),
        ({"instances": {"at_least": 80, "at_most": 80}}, True),
        ({"slices": {"at_least": 81}}, False),
        ({"slice_spacing_mm": {"at_most": 2.5, "at_least": 2.5}}, True),
        ({"pixel_spacing_mm": {"at_most": 0.7}}, False),  # 0.71 between rows
        ({"length_mm": 200}, True),
        ({"plane": "axial"}, True),
        ({"contrast_agent": "no"}, True),
        ({"StationName": {"present": False}}, True),
        ({"StationName": {"equals": "CT1"}}, False),
        ({"any": [{"Modality": "MR"}, {"all": [{"Modality": "CT"}, {"Rows": 512}]}]}, True),
        ({"Columns": {"at_most": 479}}, False),
    ],
)
def test_conditions(condition: object, holds: bool) -> None:
    assert judged(condition) is holds


def test_a_limit_must_hold_for_every_instance() -> None:
    slices = headers()
    slices[7].KVP = 140
    for ds in slices[:7] + slices[8:]:
        ds.KVP = 100
    assert not judged({"KVP": {"at_most": 120}}, slices)
    assert judged({"KVP": 140}, slices)


def test_a_number_is_the_same_however_it_is_written() -> None:
    slices = headers()
    for number, ds in enumerate(slices):
        ds.SliceThickness = ("2.3", "2.30", "+2.3", "2.3E0")[number % 4]
        ds.StudyID = "01"
    assert SeriesFacts(slices).of("SliceThickness") == ("2.3",)
    for wanted in ("2.3", "2.300", 2.3):
        assert judged({"SliceThickness": wanted}, slices[1:])
    assert not judged({"SliceThickness": "2.31"}, slices)
    assert not judged({"StudyID": "1"}, slices)


def test_a_survey_in_three_planes_is_no_t1_although_its_header_says_nothing(
    shared_data: Path,
) -> None:
    by_series: dict[str, list[Dataset]] = {}
    for path in sorted((shared_data / "dicomdir").rglob("98892003/MR2/*")):
        ds = dcmread(path, stop_before_pixels=True)
        by_series.setdefault(ds.SeriesInstanceUID, []).append(ds)
    assert by_series
    for slices in by_series.values():
        assert SeriesFacts(slices).of("mr_contrast") != ("T1",)


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


@pytest.mark.parametrize(
    ("text", "line", "says"),
    [
        ("rules:\n  - name: a\n    pipeline: [x\n", 4, "is not YAML"),
        ("rules:\n  - name: a\n    pipeline: p\n    prio: 3\n", 4, "'prio'"),
        ("rules:\n  - name: a\n    pipeline: p\n    priority: 900\n", 4, "less than or equal"),
        (
            "rules:\n  - name: a\n    pipeline: p\n    when:\n      all:\n"
            "        - Modality: CT\n        - Modalty: CT\n",
            7,
            "'Modalty' is neither a DICOM keyword",
        ),
        (
            "rules:\n  - name: a\n    pipeline: p\n    when:\n      ProtocolName: {matches: '['}\n",
            5,
            "not a regular expression",
        ),
        (
            "rules:\n  - name: a\n    pipeline: p\n  - name: a\n    pipeline: q\n",
            1,
            "share the name a",
        ),
        ("version: 2\n", 1, "1"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, text: str, line: int, says: str) -> None:
    path = rules_in(tmp_path, text)
    with pytest.raises(InvalidRequest) as refused:
        read_rules(path)
    assert f"rules.yaml:{line}" in refused.value.message
    assert says in refused.value.message


def test_a_changed_file_is_read_anew_and_a_broken_one_changes_nothing(tmp_path: Path) -> None:
    settings = settings_in(tmp_path)
    settings.data_dir.mkdir()
    assert current_rules(settings).rules == ()
    path = rules_in(settings.data_dir, "rules: [{name: a, pipeline: p}]")
    assert [rule.name for rule in current_rules(settings).rules] == ["a"]
    path.write_text("rules: [{name: a, pipeline: p}, {name: b}]")
    assert [rule.name for rule in current_rules(settings).rules] == ["a"]
    path.write_text("rules: [{name: c, pipeline: p}]")
    os.utime(path, (1, 1))
    assert [rule.name for rule in current_rules(settings).rules] == ["c"]


def test_a_named_file_that_is_missing_is_told_so(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="does not exist"):
        current_rules(settings_in(tmp_path, rules_file=tmp_path / "none.yaml"))


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
