"""What is computed of a series before it is complete, and that nothing comes of it but time."""

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from inference.input_selection.early_results import EARLY
from inference.scheduling import header_slices
from inference.scheduling.early_candidate import EarlyCandidate
from inference.scheduling.early_series import EarlyWakeUps
from inference.scheduling.schedule import complete_and_schedule
from inference.worker.due_work import WakeUps
from inference.worker.early_work import compute_early
from inference.worker.run import run_job
from inference.worker.scheduler import Scheduler
from storage.audit.query import AuditFilter, all_events
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.entities import Job
from tests.inference.orchestration import complete_series, receive, storage_in
from tests.inference.small import BrightRegion, mr_series, mr_slice, series_uid, study_uid
from tests.storage.patient_identity.patients import ADMIN, merge


@dataclass(frozen=True)
class Early(BrightRegion):
    begins_early: bool = True


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with storage_in(tmp_path) as storage:
        yield storage


@pytest.fixture
def pipeline(tmp_path: Path) -> Early:
    return Early(tmp_path / "runs")


@pytest.fixture(autouse=True)
def _clock(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Two seconds have gone by for whoever looks for quiet series."""
    monkeypatch.setattr(
        "inference.worker.early_work.utcnow", lambda: utcnow() + timedelta(seconds=2)
    )
    yield
    monkeypatch.undo()


def runs(pipeline: BrightRegion) -> int:
    assert pipeline.runs is not None
    return len(pipeline.runs.read_text().splitlines()) if pipeline.runs.exists() else 0


def job_over(storage: Storage, pipeline: BrightRegion) -> Job:
    """The series complete, and the job over it has run."""
    at = utcnow() + timedelta(seconds=10)
    (decision,) = complete_and_schedule(storage, at, (pipeline,))
    job = run_job(storage, decision.job_id or "", "worker", pipelines=(pipeline,))
    assert job is not None
    assert job.state == "COMPLETED", job.reason
    return job


def results(storage: Storage, job: Job) -> list[tuple[str, str]]:
    uids = [one["sop_instance_uid"] for one in job.result["instances"]]
    return [(uid, storage.index.instance(uid).digest) for uid in uids]


def test_what_was_computed_early_is_the_result_that_the_job_would_have_had(
    tmp_path: Path, storage: Storage, pipeline: Early
) -> None:
    receive(storage, mr_series("a"))
    assert compute_early(storage, "worker", (pipeline,))
    assert storage.jobs.list()[1] == 0, "no job, no result, nothing that anybody sees"
    assert [one.origin for one in storage.index.series_of(study_uid("a"))] == ["received"]
    job = job_over(storage, pipeline)
    assert runs(pipeline) == 1
    assert {"loading", "assembling", "running"} <= set(job.result["timings_s"])
    with storage_in(tmp_path / "other") as other:
        receive(other, mr_series("a"))
        plain = job_over(other, BrightRegion())
        (mine,), (theirs,) = (
            one.findings.of_job(job_id)
            for one, job_id in ((storage, job.job_id), (other, plain.job_id))
        )
        assert (mine.value, mine.unit) == (theirs.value, theirs.unit)
        seg, same = (
            one.instances.dataset(one.index.instance(of.result["instances"][0]["sop_instance_uid"]))
            for one, of in ((storage, job), (other, plain))
        )
        assert seg.PixelData == same.PixelData
        assert seg.ReferencedSeriesSequence == same.ReferencedSeriesSequence


def test_both_readings_are_in_the_audit_trail(storage: Storage, pipeline: Early) -> None:
    receive(storage, mr_series("a"))
    compute_early(storage, "worker", (pipeline,))
    job = job_over(storage, pipeline)
    read: list[dict[str, Any]] = [
        one.detail
        for one in all_events(storage.engine, AuditFilter())
        if one.action == "R" and one.detail.get("via") == "pipeline"
    ]
    assert [one.get("early", False) for one in read] == [True, False]
    assert read[1]["job_id"] == job.job_id


@pytest.mark.parametrize("seed", range(4))
def test_a_series_that_pauses_is_never_split(storage: Storage, pipeline: Early, seed: int) -> None:
    """However often it pauses, and whatever was computed then: one job, over all of it."""
    draw = random.Random(seed)
    numbers = list(range(1, 13))
    while numbers:
        count = draw.randint(1, 5)
        receive(storage, [mr_slice("a", number) for number in numbers[:count]])
        numbers = numbers[count:]
        if draw.random() < 0.7:
            compute_early(storage, "worker", (pipeline,))
        assert not complete_and_schedule(storage, utcnow() + timedelta(seconds=4), (pipeline,))
    job = job_over(storage, pipeline)
    assert storage.jobs.list()[1] == 1
    assert storage.findings.of_job(job.job_id)[0].value == pytest.approx(12 * 96 * 2 / 1000)
    assert len(results(storage, job)) == 2


def test_an_instance_that_comes_during_the_computation_ends_it(
    storage: Storage, pipeline: Early, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive(storage, mr_series("a"))
    original = BrightRegion.run

    def run(self: BrightRegion, context: Any) -> Any:
        receive(storage, [mr_slice("a", 9)])
        context.on_progress("half", 0.5)
        context.on_progress("more", 0.6)
        return original(self, context)

    monkeypatch.setattr("inference.worker.early_work._LOOKS_EVERY_S", 0.0)
    monkeypatch.setattr(BrightRegion, "run", run)
    assert not compute_early(storage, "worker", (pipeline,))
    monkeypatch.setattr(BrightRegion, "run", original)
    job = job_over(storage, pipeline)
    assert storage.findings.of_job(job.job_id)[0].value == pytest.approx(9 * 96 * 2 / 1000)


def test_another_job_that_is_due_goes_first(
    storage: Storage, pipeline: Early, monkeypatch: pytest.MonkeyPatch
) -> None:
    series = complete_series(storage, "other")
    storage.jobs.schedule(
        pipeline.name,
        pipeline.version,
        series.study_instance_uid,
        series.series_instance_uid,
        series.fingerprint,
        0,
    )
    receive(storage, mr_series("a"))
    monkeypatch.setattr("inference.worker.early_work._LOOKS_EVERY_S", 0.0)
    assert not compute_early(storage, "worker", (pipeline,))
    assert runs(pipeline) == 0


def test_a_patient_corrected_meanwhile_stands_in_the_result(
    storage: Storage, pipeline: Early
) -> None:
    receive(storage, mr_series("a"))
    assert compute_early(storage, "worker", (pipeline,))
    assert storage.patient_changes.record([merge("RIGHT", "Q-4711")], ADMIN, utcnow())
    job = job_over(storage, pipeline)
    (seg, _) = job.result["instances"]
    stored = storage.index.instance(seg["sop_instance_uid"])
    assert storage.instances.dataset(stored).PatientID == "RIGHT"


def test_what_fails_early_is_left_to_the_job(
    storage: Storage, pipeline: Early, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive(storage, mr_series("a"))
    original = BrightRegion.run
    monkeypatch.setattr(BrightRegion, "run", lambda *_: 1 / 0)
    assert not compute_early(storage, "worker", (pipeline,))
    monkeypatch.setattr(BrightRegion, "run", original)
    assert job_over(storage, pipeline).state == "COMPLETED"


def test_models_that_did_not_ask_for_it_are_not_run_early(storage: Storage) -> None:
    receive(storage, mr_series("a"))
    assert not compute_early(storage, "worker", (BrightRegion(),))


def test_a_worker_is_woken_twice_at_most_for_a_series_that_goes_on_growing(
    storage: Storage,
) -> None:
    wake_ups = EarlyWakeUps(storage.settings, storage.index)
    woken = []
    for number in range(1, 6):
        receive(storage, [mr_slice("a", number)])
        now = utcnow()
        woken.append(
            [bool(wake_ups.due(now + timedelta(seconds=waited))) for waited in (0, 1.5, 2.5)]
        )
    assert woken == [[False, True, False]] * 2 + [[False] * 3] * 3


def test_nothing_is_computed_early_where_the_job_may_run_elsewhere(tmp_path: Path) -> None:
    with storage_in(tmp_path, worker_processes=2) as storage:
        receive(storage, mr_series("a"))
        assert not EarlyWakeUps(storage.settings, storage.index).due(
            utcnow() + timedelta(seconds=2)
        )


def test_headers_read_early_are_used_while_the_series_is_what_it_was(
    storage: Storage, pipeline: Early
) -> None:
    receive(storage, mr_series("a"))
    quiet = storage.index.series(study_uid("a"), series_uid("a"))
    instances = storage.index.instances_of(study_uid("a"))
    early = EarlyCandidate()
    early.read(storage, quiet, (pipeline,))
    read = early.take(quiet, instances)
    assert read is not None
    assert [one.InstanceNumber for one in read.headers] == list(range(1, 9))
    assert early.take(quiet, instances) is None, "once"
    early.read(storage, quiet, (pipeline,))
    receive(storage, [mr_slice("a", 9)])
    grown = storage.index.instances_of(study_uid("a"))
    assert early.take(quiet, grown) is None


def test_headers_that_take_long_are_read_on_in_the_next_rounds(
    storage: Storage, pipeline: Early, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(header_slices, "SLICE_S", 0.0)  # one header each
    receive(storage, mr_series("a"))
    quiet = storage.index.series(study_uid("a"), series_uid("a"))
    instances = storage.index.instances_of(study_uid("a"))
    early = EarlyCandidate()
    for _ in range(7):
        early.read(storage, quiet, (pipeline,))
        assert early.unfinished == quiet
    early.read(storage, quiet, (pipeline,))
    assert early.unfinished is None
    read = early.take(quiet, instances)
    assert read is not None
    assert [one.InstanceNumber for one in read.headers] == list(range(1, 9))

    early.read(storage, quiet, (pipeline,))
    assert early.take(quiet, instances) is None
    assert early.unfinished is None, "it is decided on without"

    early.read(storage, quiet, (pipeline,))
    receive(storage, [mr_slice("a", 9)])
    early.read(storage, quiet, (pipeline,))
    assert early.unfinished is None, "it has grown"


def test_the_clock_reads_early_and_decides_on_the_complete_series(
    storage: Storage, pipeline: Early
) -> None:
    sent: list[str] = []
    scheduler = Scheduler(
        storage,
        pipelines=(pipeline,),
        wake=WakeUps(jobs=lambda jobs, _: sent.extend(jobs), delivery=lambda: None),
    )
    receive(storage, mr_series("a"))
    scheduler.tick(utcnow() + timedelta(seconds=1.5))
    assert sent == [""], "the worker is woken, and there is no job"
    assert storage.jobs.list()[1] == 0
    scheduler.tick(utcnow() + timedelta(seconds=10))
    (job,) = storage.jobs.list()[0]
    assert sent == ["", job.job_id]


def test_what_nobody_takes_is_let_go(storage: Storage, pipeline: Early) -> None:
    receive(storage, mr_series("a"))
    assert compute_early(storage, "worker", (pipeline,))
    other = complete_series(storage, "other")
    job, _ = storage.jobs.schedule(
        pipeline.name,
        pipeline.version,
        other.study_instance_uid,
        other.series_instance_uid,
        other.fingerprint,
        0,
    )
    assert EARLY.take(job) is None
    assert EARLY.take(replace_series(job, "a")) is None, "the memory is the next job's"


def replace_series(job: Job, name: str) -> Job:
    return replace(job, study_instance_uid=study_uid(name), series_instance_uid=series_uid(name))
