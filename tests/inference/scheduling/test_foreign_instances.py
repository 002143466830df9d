"""What a stranger adds to somebody else's series keeps no pipeline from it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from inference.input_selection.fitting_instances import fitting_instances
from inference.input_selection.job_inputs import JobInputs
from inference.input_selection.result_inputs import StudyResults
from inference.scheduling.schedule import complete_and_schedule
from storage.container import Storage
from storage.integrity import instance_reader
from tests.inference.orchestration import later, storage_in
from tests.inference.small import BrightRegion, changed, mr_series, mr_slice, series_uid, study_uid

LEFT_OUT = "3 images of the series that another sender added name another patient"
SLICES = 8


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with storage_in(tmp_path, series_quiet_s=5.0) as storage:
        yield storage


def received(storage: Storage, patient_id: str, source: str) -> None:
    for slice_ in mr_series("good", SLICES):
        storage.ingest.accept(slice_, "dimse:CT1")
    for number in range(20, 23):
        added = changed(
            mr_slice("good", number, position_mm=1.0 * number),
            PatientID=patient_id,
            ImageComments="x" * 9000,
        )
        storage.ingest.accept(added, source)


def test_images_of_another_patient_are_left_out_and_named(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """14 of them, of 58 KiB each, had headers of more than 768 MiB: nothing took the series."""
    received(storage, "SOMEBODY-ELSE", "dimse:STRANGER")
    # Those of the good slices alone are within it.
    monkeypatch.setattr(instance_reader, "MAX_HEADERS_BYTES", SLICES * 12_000)
    (decision,) = complete_and_schedule(storage, later(100), (BrightRegion(),))
    assert decision.accepted, decision.reason
    assert LEFT_OUT in decision.reason
    job = storage.jobs.get(str(decision.job_id))
    results = StudyResults(storage.jobs, storage.findings, storage.acceptance_decisions)
    inputs = JobInputs(storage.index, storage.instances, results, job, lambda _share: None)
    datasets, stack = inputs.series(BrightRegion())
    assert len(datasets) == SLICES
    assert stack.left_out is not None
    assert LEFT_OUT in stack.left_out.text
    assert len(storage.index.instances_of(study_uid("good"), series_uid("good"))) == SLICES + 3


@pytest.mark.parametrize(
    ("patient_id", "source"), [("Q-4711", "dimse:GATEWAY"), ("SOMEBODY-ELSE", "dimse:CT1")]
)
def test_what_others_add_for_the_patient_and_what_the_sender_adds_stays(
    storage: Storage, patient_id: str, source: str
) -> None:
    """A series may come over two systems; what one sender mixed up is for a person to see."""
    received(storage, patient_id, source)
    found = fitting_instances(
        storage.index, storage.instances, study_uid("good"), series_uid("good")
    )
    assert len(found) == SLICES + 3
