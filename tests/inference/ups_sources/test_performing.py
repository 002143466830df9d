"""Workitems of another system's worklist are claimed, performed, reported and cancelled."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from inference.scheduling.schedule import complete_and_schedule
from inference.scheduling.workitems import WorkitemPerformer
from inference.ups_sources.client import UpsSource
from inference.ups_sources.listening import perform_for_others
from inference.ups_sources.performing import claim_new, report, resume, transaction_of
from inference.worker.run import run_job
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.errors import MediViewError
from storage.settings import Settings
from storage.ups.dicom_json import attributes_of, code_item, items_of, text_of
from tests.inference.orchestration import complete_series, later, storage_in
from tests.inference.small import BrightRegion, study_uid
from tests.inference.ups_sources.task_manager import TOKEN, TaskManager, task_manager

PIPELINES = (BrightRegion(),)
UID = "1.2.826.0.1.3680043.8.498.77"


def item(uid: str = UID, code: str = "bright-region", **changes: Any) -> dict[str, Any]:
    return attributes_of(**{
        "SOPInstanceUID": uid,
        "ScheduledProcedureStepPriority": "MEDIUM",
        "ProcedureStepLabel": "Measure what is bright",
        "WorklistLabel": "AI",
        "ScheduledProcedureStepStartDateTime": "20240101",
        "ScheduledWorkitemCodeSequence": [code_item(code, "99MEDIVIEW", "Bright")],
        "InputReadinessState": "READY",
        "ProcedureStepState": "SCHEDULED",
        "InputInformationSequence": [
            attributes_of(TypeOfInstances="DICOM", StudyInstanceUID=study_uid("a"))
        ],
        **changes,
    })  # fmt: skip


@pytest.fixture
def manager() -> Iterator[TaskManager]:
    with task_manager() as running:
        running.items = {UID: item()}
        yield running


@contextmanager
def performer(folder: Path, manager: TaskManager) -> Iterator[tuple[Storage, UpsSource]]:
    with storage_in(
        folder, ups_sources=f"ris={manager.url}", ups_authorization=TOKEN, ups_poll_s=0.2
    ) as storage:
        complete_series(storage, "a")
        complete_and_schedule(storage, later(60), PIPELINES)
        yield storage, UpsSource("ris", manager.url, TOKEN)


def perform(storage: Storage) -> None:
    """As the scheduler and a worker do."""
    WorkitemPerformer(storage, PIPELINES).round(utcnow())
    for job in storage.jobs.due(utcnow(), 10):
        run_job(storage, job.job_id, "tests", pipelines=PIPELINES)
    WorkitemPerformer(storage, PIPELINES).round(utcnow())


def test_an_item_is_claimed_performed_and_completed_with_its_outputs(
    tmp_path: Path, manager: TaskManager
) -> None:
    with performer(tmp_path, manager) as (storage, source):
        assert claim_new(storage, source, PIPELINES) == 1
        assert manager.state(UID) == "IN PROGRESS"
        assert claim_new(storage, source, PIPELINES) == 0
        assert report(storage, source) == 0, "nothing has changed yet"
        perform(storage)
        assert report(storage, source) == 1
        assert manager.state(UID) == "COMPLETED"
        (performed,) = items_of(
            manager.items[UID], "UnifiedProcedureStepPerformedProcedureSequence"
        )
        outputs = {
            text_of(reference, "ReferencedSOPInstanceUID")
            for output in items_of(performed, "OutputInformationSequence")
            for reference in items_of(output, "ReferencedSOPSequence")
        }
        results = {
            one.sop_instance_uid
            for one in storage.index.instances_of(study_uid("a"))
            if one.source.startswith("result:")
        }
        assert outputs == results != set()
        asked = len(manager.asked)
        assert report(storage, source) == 0
        assert len(manager.asked) == asked, "it is said once"


def test_what_is_not_for_this_node_or_not_here_is_left_alone(
    tmp_path: Path, manager: TaskManager
) -> None:
    elsewhere = [attributes_of(TypeOfInstances="DICOM", StudyInstanceUID="1.2.3")]
    manager.items = {
        "1.1": item("1.1", code="another-pipeline"),
        "1.2": item("1.2", InputInformationSequence=elsewhere),
        "1.3": item("1.3", ScheduledProcedureStepPriority="URGENT"),
        "1.4": {"no tag": 1, **item("1.4")},
        "1.5": item("1.5") | {"00404018": {"vr": "SQ", "Value": ["text"]}},
    }
    with performer(tmp_path, manager) as (storage, source):
        assert claim_new(storage, source, PIPELINES) == 0
        assert manager.claims == {}


def test_an_item_whose_input_lies_elsewhere_is_claimed_and_ends_with_the_reason(
    tmp_path: Path, manager: TaskManager
) -> None:
    place = attributes_of(RetrieveAETitle="NOWHERE")
    elsewhere = attributes_of(StudyInstanceUID="1.2.3", DICOMRetrievalSequence=[place])
    manager.items = {UID: item(InputInformationSequence=[elsewhere])}
    with performer(tmp_path, manager) as (storage, source):
        assert claim_new(storage, source, PIPELINES) == 1
        perform(storage)
        assert report(storage, source) == 1
        assert manager.state(UID) == "CANCELED"
        (progress,) = items_of(manager.items[UID], "ProcedureStepProgressInformationSequence")
        assert "1.2.3" in text_of(progress, "ReasonForCancellation")
        assert "NOWHERE" in text_of(progress, "ReasonForCancellation")


def test_what_somebody_else_claims_first_is_not_performed(
    tmp_path: Path, manager: TaskManager
) -> None:
    with performer(tmp_path, manager) as (storage, source):
        found = source.search("SCHEDULED")
        assert len(found) == 1
        manager.claims[UID] = "9.9"
        manager.items[UID] |= attributes_of(ProcedureStepState="IN PROGRESS")
        assert not source.claim(UID, "1.2")
        assert resume(storage, source, PIPELINES) == 0, "the claim is another one's"
        assert storage.workitems.find(UID) is None


def test_a_claim_from_before_a_crash_is_taken_over(tmp_path: Path, manager: TaskManager) -> None:
    with performer(tmp_path, manager) as (storage, source):
        assert source.claim(UID, transaction_of(storage.settings, "ris", UID))
        assert resume(storage, source, PIPELINES) == 1
        perform(storage)
        report(storage, source)
        assert manager.state(UID) == "COMPLETED"


def test_a_source_that_is_away_is_told_later_and_one_that_took_it_back_ends_the_work(
    tmp_path: Path, manager: TaskManager
) -> None:
    with performer(tmp_path, manager) as (storage, source):
        claim_new(storage, source, PIPELINES)
        WorkitemPerformer(storage, PIPELINES).round(utcnow())
        manager.is_away = True
        with pytest.raises(MediViewError, match="HTTP 503"):
            report(storage, source)
        manager.is_away = False
        manager.claims[UID] = "taken away"
        assert report(storage, source) == 0
        ended = storage.workitems.get(UID)
        assert ended.state == "CANCELED"
        assert {one.state for one in storage.jobs.list(study_uid("a"))[0]} == {"CANCELED"}


def test_events_bring_work_and_requests_for_cancellation(
    tmp_path: Path, manager: TaskManager
) -> None:
    """By the thread that runs in a worker."""
    manager.items = {}
    stopping = threading.Event()
    with performer(tmp_path, manager) as (storage, _):
        running = threading.Thread(
            target=perform_for_others, args=(storage, stopping.is_set, PIPELINES)
        )
        running.start()
        try:
            manager.items[UID] = item()
            manager.wait_for(UID, "IN PROGRESS")
            WorkitemPerformer(storage, PIPELINES).round(utcnow())
            manager.report(UID, 2, ReasonForCancellation="Wrong patient")
            manager.wait_for(UID, "CANCELED")
        finally:
            stopping.set()
            running.join()
        (progress,) = items_of(manager.items[UID], "ProcedureStepProgressInformationSequence")
        assert text_of(progress, "ReasonForCancellation") == "Wrong patient"


@pytest.mark.parametrize(
    "sources",
    [
        "https://host/rs",
        "ris=ftp://host/rs",
        "a=https://h/rs,a=https://i/rs",
        "ris=peer:",
        "peer:ris",
    ],
)
def test_a_source_that_is_none_is_refused_at_the_start(sources: str) -> None:
    with pytest.raises(ValueError, match="UPS-RS service"):
        Settings(ups_sources=sources)  # type: ignore[arg-type]
