"""Every pipeline says yes or no to a complete series, and why; only a yes makes a job."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import pytest
from pydicom.dataset import Dataset

from inference.pipeline import Acceptance, Readiness
from inference.scheduling.schedule import complete_and_schedule, schedule_pipeline, schedule_series
from storage.container import Storage, open_storage
from storage.core.clock import utcnow
from storage.core.entities import Instance, Series
from storage.settings import Settings
from tests.inference.orchestration import complete_series, later, receive
from tests.inference.small import (
    PATIENT_NAME,
    BrightRegion,
    mr_series,
    mr_slice,
    series_uid,
    study_uid,
)


@dataclass(frozen=True)
class Stumbling(BrightRegion):
    """A pipeline with a defect in its rule, which quotes the patient."""

    name: str = "stumbling"
    title: str = "Stumbling"

    def accepts(
        self, series: Series, instances: Sequence[Instance], headers: Sequence[Dataset]
    ) -> Acceptance:
        raise ValueError(f"cannot judge {headers[0].PatientName}")


@dataclass(frozen=True)
class WithoutWeights(BrightRegion):
    name: str = "without-weights"

    def readiness(self) -> Readiness:
        return Readiness(False, "The weights are not installed. Install the model pack.")


@pytest.fixture
def storage(storage_settings: Settings) -> Iterator[Storage]:
    with open_storage(storage_settings) as storage:
        yield storage


def test_an_accepted_series_gets_a_job_and_a_stored_decision(storage: Storage) -> None:
    series = complete_series(storage, "a")
    (decision,) = schedule_series(storage, series, (BrightRegion(),))
    assert decision.accepted
    job = storage.jobs.get(decision.job_id or "")
    assert (job.state, job.pipeline, job.input_fingerprint) == (
        "SCHEDULED",
        "bright-region",
        series.fingerprint,
    )
    assert storage.acceptance_decisions.of_study(series.study_instance_uid) == [decision]


def test_the_same_study_sent_twice_makes_one_job(storage: Storage) -> None:
    pipelines = (BrightRegion(),)
    receive(storage, mr_series("a"))
    complete_and_schedule(storage, later(10), pipelines)
    receive(storage, mr_series("a"))
    complete_and_schedule(storage, later(20), pipelines)
    schedule_series(storage, storage.index.series(study_uid("a"), series_uid("a")), pipelines)
    assert storage.jobs.list()[1] == 1


def test_a_refusal_is_stored_with_its_sentence_and_makes_no_job(storage: Storage) -> None:
    series = replace(complete_series(storage, "a"), modality="CT")
    (decision,) = schedule_series(storage, series, (BrightRegion(),))
    assert (decision.accepted, decision.reason, decision.job_id) == (
        False,
        "Modality is CT, not MR.",
        None,
    )
    assert storage.jobs.list() == ([], 0)


def test_a_gap_between_slices_is_a_stored_reason_before_any_job(storage: Storage) -> None:
    receive(storage, [*mr_series("a", 5), mr_slice("a", 6, position_mm=30.0)])
    (decision,) = complete_and_schedule(storage, later(10), (BrightRegion(),))
    assert not decision.accepted
    assert "20.0 mm apart; the rest are 2.0 mm" in decision.reason
    assert storage.jobs.list() == ([], 0)


def test_one_pipeline_that_raises_blocks_no_other(storage: Storage) -> None:
    series = complete_series(storage, "a")
    stumbled, accepted = schedule_series(storage, series, (Stumbling(), BrightRegion()))
    assert not stumbled.accepted
    assert stumbled.reason.startswith("Stumbling could not judge the series: ")
    assert PATIENT_NAME not in stumbled.reason
    assert accepted.accepted


def test_a_pipeline_that_cannot_run_says_what_is_missing(storage: Storage) -> None:
    (decision,) = schedule_series(storage, complete_series(storage, "a"), (WithoutWeights(),))
    assert (decision.accepted, decision.reason) == (
        False,
        "The weights are not installed. Install the model pack.",
    )


def test_our_own_results_are_offered_to_nobody(storage: Storage) -> None:
    for part10 in mr_series("a"):
        storage.ingest.accept(part10, source="result:1", origin="generated")
    assert complete_and_schedule(storage, later(10), (BrightRegion(),)) == []
    assert storage.acceptance_decisions.of_study(study_uid("a")) == []


def test_a_late_instance_makes_a_revised_job_and_voids_the_unfinished_one(
    storage: Storage,
) -> None:
    pipelines = (BrightRegion(),)
    receive(storage, mr_series("a", 8))
    (first,) = complete_and_schedule(storage, later(10), pipelines)
    receive(storage, [mr_slice("a", 9)])
    (second,) = complete_and_schedule(storage, later(20), pipelines)
    assert second.job_id != first.job_id
    void = storage.jobs.get(first.job_id or "")
    assert (void.state, void.status) == ("CANCELED", "SUPERSEDED")
    assert "series has changed" in void.reason
    assert storage.jobs.get(second.job_id or "").state == "SCHEDULED"
    # One decision stands for the pair, the present one.
    assert storage.acceptance_decisions.of_study(study_uid("a")) == [second]


def test_a_series_completed_by_a_process_that_died_is_still_scheduled(storage: Storage) -> None:
    complete_series(storage, "a")  # complete, and nobody was asked
    assert storage.jobs.list()[1] == 0
    (decision,) = complete_and_schedule(storage, utcnow(), (BrightRegion(),))
    assert decision.accepted
    assert complete_and_schedule(storage, utcnow(), (BrightRegion(),)) == []


def test_a_series_that_the_disk_damaged_is_refused_and_holds_up_no_other(
    storage: Storage,
) -> None:
    complete_series(storage, "damaged")
    complete_series(storage, "sound")
    location = storage.index.instances_of(study_uid("damaged"))[0].location
    with (storage.settings.data_dir / "volumes" / location.volume).open("r+b") as volume:
        volume.seek(location.offset + 128)
        volume.write(b"JUNK")  # where DICM stood
    decisions = complete_and_schedule(storage, later(10), (BrightRegion(),))
    by_study = {decision.study_instance_uid: decision for decision in decisions}
    assert by_study[study_uid("sound")].accepted
    refused = by_study[study_uid("damaged")]
    assert not refused.accepted
    assert refused.reason.startswith("The series cannot be read. ")
    # Decided: the clock does not come back to it every second.
    assert complete_and_schedule(storage, later(20), (BrightRegion(),)) == []


def test_a_pipeline_that_is_asked_for_early_takes_no_series_from_the_others(
    storage: Storage,
) -> None:
    series = complete_series(storage, "head")
    schedule_pipeline(storage, series, BrightRegion())
    decided = {
        one.pipeline for one in storage.acceptance_decisions.of_study(series.study_instance_uid)
    }
    assert {"brain-volume", "lung-density", BrightRegion.name} <= decided
