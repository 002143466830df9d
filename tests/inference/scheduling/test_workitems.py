"""Others ask by a workitem, and the node performs it (IHE AIW-I), or says why not."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydicom.dataset import Dataset

from inference.scheduling.workitems import WorkitemPerformer
from inference.worker.due_work import WakeUps
from inference.worker.run import run_job
from inference.worker.scheduler import Scheduler
from storage.container import Storage, open_storage
from storage.core.clock import utcnow
from storage.core.entities import Series
from storage.core.errors import NotFound
from storage.settings import Settings
from storage.ups.dicom_json import attributes_of, code_item, date_time
from storage.ups.job_mapping import job_id_of, uid_of_job
from storage.ups.refusals import WorkitemRefused
from storage.ups.requests import request_cancel, update
from tests.inference.orchestration import complete_series, receive, storage_in
from tests.inference.small import BrightRegion, mr_series, mr_slice, series_uid, study_uid

_PIPELINES = (BrightRegion(),)


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with storage_in(tmp_path) as storage:
        yield storage


def ordered(storage: Storage, study: str, **changes: Any) -> str:
    """A workitem for a study and the pipeline of the tests; its UID."""
    attributes = attributes_of(
        ScheduledProcedureStepPriority="HIGH",
        ProcedureStepLabel="Measure what is bright",
        WorklistLabel="AI",
        ScheduledProcedureStepStartDateTime="20240101",
        ScheduledWorkitemCodeSequence=[code_item("bright-region", "99MEDIVIEW", "Bright")],
        InputReadinessState="READY",
        ProcedureStepState="SCHEDULED",
        ReferencedRequestSequence=[attributes_of(StudyInstanceUID=study)],
    )
    item, _ = storage.workitems.create("", attributes | attributes_of(**changes))
    return item.sop_instance_uid


def tick(storage: Storage, seconds: float = 10.0) -> None:
    clock = Scheduler(
        storage,
        pipelines=_PIPELINES,
        wake=WakeUps(jobs=lambda *_: None, delivery=lambda: None),
    )
    assert clock.tick(utcnow() + timedelta(seconds=seconds))


def work(storage: Storage) -> None:
    for job in storage.jobs.due(utcnow(), 10):
        run_job(storage, job.job_id, "tests", pipelines=_PIPELINES)


def read(storage: Storage, uid: str) -> Dataset:
    found = storage.workitem_list.find(uid, whole=True)
    assert found is not None
    return Dataset.from_json(found.attributes)


def reason(storage: Storage, uid: str) -> str:
    item = read(storage, uid)
    assert item.ProcedureStepState == "CANCELED"
    return str(item.ProcedureStepProgressInformationSequence[0].ReasonForCancellation)


@pytest.mark.slow
def test_an_item_waits_for_its_study_and_ends_with_the_results(storage_settings: Settings) -> None:
    with open_storage(storage_settings) as storage:
        uid = ordered(storage, study_uid("a"))
        tick(storage)
        assert read(storage, uid).ProcedureStepState == "SCHEDULED", "nothing is here yet"
        receive(storage, mr_series("a"))
        tick(storage, seconds=0)
        assert read(storage, uid).ProcedureStepState == "SCHEDULED", "it is still arriving"
        tick(storage)
        claimed = read(storage, uid)
        assert claimed.ProcedureStepState == "IN PROGRESS"
        (job,) = storage.jobs.list(study_uid("a"))[0]
        assert job.priority > 0, "as HIGH asks for"
        work(storage)
        tick(storage)
        done = read(storage, uid)
        assert done.ProcedureStepState == "COMPLETED"
        assert done.ProcedureStepProgressInformationSequence[0].ProcedureStepProgress == 100
        (performed,) = done.UnifiedProcedureStepPerformedProcedureSequence
        assert performed.PerformedWorkitemCodeSequence[0].CodeValue == "bright-region"
        assert performed.PerformedStationNameCodeSequence[0].CodeValue == "MEDIVIEW"
        assert performed.PerformedProcedureStepEndDateTime
        outputs = {
            reference.ReferencedSOPInstanceUID
            for output in performed.OutputInformationSequence
            for reference in output.ReferencedSOPSequence
        }
        results = {
            one.sop_instance_uid
            for one in storage.index.instances_of(study_uid("a"))
            if one.source.startswith("result:")
        }
        assert outputs == results
        assert len(outputs) >= 2, "a SEG and an SR"


def test_the_job_itself_is_in_the_list_with_its_input_and_output(storage: Storage) -> None:
    complete_series(storage, "a")
    tick(storage)
    (job,) = storage.jobs.list(study_uid("a"))[0]
    uid = uid_of_job(job.job_id)
    assert job_id_of(uid) == job.job_id
    scheduled = read(storage, uid)
    assert scheduled.ProcedureStepState == "SCHEDULED"
    assert scheduled.ScheduledWorkitemCodeSequence[0].CodeValue == "bright-region"
    assert scheduled.PatientID == "Q-4711"
    assert scheduled.ReferencedRequestSequence[0].AccessionNumber == "A1"
    (given,) = scheduled.InputInformationSequence
    assert given.SeriesInstanceUID == series_uid("a")
    assert len(given.ReferencedSOPSequence) == 8
    update(storage, uid, "", attributes_of(ScheduledProcedureStepPriority="HIGH"))
    assert read(storage, uid).ScheduledProcedureStepPriority == "HIGH"
    with pytest.raises(WorkitemRefused):
        update(storage, uid, "", attributes_of(ProcedureStepLabel="Mine"))
    work(storage)
    done = read(storage, uid)
    assert done.ProcedureStepState == "COMPLETED"
    (performed,) = done.UnifiedProcedureStepPerformedProcedureSequence
    assert len(performed.OutputInformationSequence) >= 2


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"ScheduledWorkitemCodeSequence": [code_item("crystal-ball", "99MEDIVIEW", "x")]},
            "There is no pipeline named crystal-ball. There are: bright-region.",
        ),
        ({"ReferencedRequestSequence": []}, "The workitem names no study."),
        (
            {"ScheduledProcedureStepExpirationDateTime": "20240102"},
            "The study was not here and complete when the workitem expired.",
        ),
    ],
)
def test_what_cannot_be_done_is_refused_with_a_reason(
    storage: Storage, changes: dict[str, Any], expected: str
) -> None:
    uid = ordered(storage, study_uid("never"), **changes)
    tick(storage)
    assert reason(storage, uid) == expected


def test_a_series_that_the_pipeline_does_not_take_is_refused_in_its_words(
    storage: Storage,
) -> None:
    strange = [
        part10.replace(b"\x08\x00\x60\x00CS\x02\x00MR", b"\x08\x00\x60\x00CS\x02\x00CT")
        for part10 in mr_series("a")
    ]
    receive(storage, strange)
    uid = ordered(storage, study_uid("a"))
    tick(storage)
    assert "Modality is CT, not MR." in reason(storage, uid)
    progress = read(storage, uid).ProcedureStepProgressInformationSequence[0]
    assert progress.ProcedureStepDiscontinuationReasonCodeSequence[0].CodeValue == "110522"


def test_items_wait_for_their_time_their_input_and_every_instance(storage: Storage) -> None:
    complete_series(storage, "a")
    tick(storage)
    tomorrow = date_time(utcnow() + timedelta(days=1))
    series = attributes_of(StudyInstanceUID=study_uid("a"), SeriesInstanceUID=series_uid("a"))
    missing = attributes_of(ReferencedSOPInstanceUID="2.25.404")
    waiting = [
        ordered(storage, study_uid("a"), ScheduledProcedureStepStartDateTime=tomorrow),
        ordered(storage, study_uid("a"), InputReadinessState="INCOMPLETE"),
        ordered(
            storage,
            study_uid("a"),
            InputInformationSequence=[series | attributes_of(ReferencedSOPSequence=[missing])],
        ),
        ordered(
            storage,
            study_uid("a"),
            InputInformationSequence=[series | attributes_of(SeriesInstanceUID="2.25.404")],
        ),
    ]
    ready = ordered(storage, study_uid("a"), InputInformationSequence=[series])
    tick(storage)
    assert {read(storage, uid).ProcedureStepState for uid in waiting} == {"SCHEDULED"}
    assert read(storage, ready).ProcedureStepState == "IN PROGRESS"


def test_a_late_instance_gives_the_item_another_job(storage: Storage) -> None:
    complete_series(storage, "a")
    uid = ordered(storage, study_uid("a"))
    tick(storage)
    first = storage.workitems.get(uid).job_ids
    receive(storage, [mr_slice("a", 9)])
    tick(storage, seconds=0)
    assert storage.workitems.get(uid).state == "IN PROGRESS"
    tick(storage)
    second = storage.workitems.get(uid).job_ids
    assert first != second
    work(storage)
    tick(storage)
    assert storage.workitems.get(uid).state == "COMPLETED"


def test_a_cancel_request_ends_the_job_unless_another_item_needs_it(storage: Storage) -> None:
    complete_series(storage, "a")
    one, two = ordered(storage, study_uid("a")), ordered(storage, study_uid("a"))
    tick(storage)
    (job,) = storage.jobs.list(study_uid("a"))[0]
    why = attributes_of(ReasonForCancellation="Not needed any more.")
    request_cancel(storage, one, "RIS", why)
    assert reason(storage, one) == "Not needed any more."
    assert storage.jobs.get(job.job_id).state == "SCHEDULED"
    request_cancel(storage, two, "RIS", why)
    canceled = storage.jobs.get(job.job_id)
    assert (canceled.state, canceled.reason) == ("CANCELED", "Not needed any more.")
    again = ordered(storage, study_uid("a"))
    tick(storage)
    assert storage.jobs.get(job.job_id).state == "SCHEDULED", "asked for again"
    request_cancel(storage, uid_of_job(job.job_id), "RIS", why)
    tick(storage)
    assert reason(storage, again) == "Not needed any more."
    with pytest.raises(NotFound):
        request_cancel(storage, "2.25.404", "RIS", {})


def test_a_failed_job_is_the_end_of_its_item(storage: Storage) -> None:
    complete_series(storage, "a")
    uid = ordered(storage, study_uid("a"))
    tick(storage)
    (job,) = storage.jobs.list(study_uid("a"))[0]
    assert storage.jobs.claim(job.job_id, "tests", 60, utcnow())
    tick(storage)
    storage.jobs.progress(job.job_id, "tests", "running", 0.5, utcnow())
    tick(storage)
    progress = read(storage, uid).ProcedureStepProgressInformationSequence[0]
    assert (progress.ProcedureStepProgress, progress.ProcedureStepProgressDescription) == (
        50,
        "Running the model.",
    )
    storage.jobs.fail(job.job_id, "tests", "The model is lost.", utcnow(), retry=True)
    tick(storage)
    assert read(storage, uid_of_job(job.job_id)).ProcedureStepState == "IN PROGRESS"
    assert storage.jobs.claim(job.job_id, "tests", 60, utcnow())
    storage.jobs.fail(job.job_id, "tests", "The model is lost.", utcnow(), retry=False)
    tick(storage)
    assert reason(storage, uid) == "The model is lost."


def test_many_waiting_items_do_not_keep_a_ready_one_waiting_for_ever(storage: Storage) -> None:
    for number in range(110):
        ordered(storage, f"2.25.9{number}")
    complete_series(storage, "a")
    tick(storage)
    uid = ordered(storage, study_uid("a"))
    performer = WorkitemPerformer(storage, _PIPELINES)
    for _ in range(3):
        performer.round(utcnow())
    assert storage.workitems.get(uid).state == "IN PROGRESS"


def test_another_process_goes_on_where_one_ended(storage: Storage) -> None:
    series: Series = complete_series(storage, "a")
    uid = ordered(storage, study_uid("a"))
    tick(storage)
    with open_storage(storage.settings) as other:
        work(other)
        WorkitemPerformer(other, _PIPELINES).round(utcnow())
        WorkitemPerformer(storage, _PIPELINES).round(utcnow())
        assert other.workitems.get(uid).state == "COMPLETED"
    assert series.state == "COMPLETE"
