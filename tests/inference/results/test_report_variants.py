"""What is no number in the report, and the report that goes with the label map."""

from collections.abc import Collection, Iterator
from pathlib import Path

import highdicom as hd
import numpy as np
import pytest
from pydicom.dataset import Dataset

from inference.annotations.content import replaced_by
from inference.annotations.feedback_reports import write_feedback_reports
from inference.annotations.report_versions import newest_report
from inference.imaging.volume import Volume
from inference.pipeline import Classification, PipelineOutput
from inference.result_identity import ResultKindName
from storage.container import Storage
from storage.core.callers.identity import of_account
from storage.core.clock import utcnow
from storage.core.entities import Job
from storage.peers.entities import KnownPeer
from tests import builders
from tests.inference.completed_jobs import completed_job
from tests.inference.orchestration import storage_in
from tests.inference.results_support import complaints, output_of, save

SHAPE = (9, 11, 13)
MAPS = KnownPeer(name="maps", is_destination=True, object_kinds=frozenset({"LABELMAP", "SR"}))
PACS = KnownPeer(name="pacs", is_destination=True)


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[Storage]:
    with storage_in(tmp_path, feedback_quiet_s=0) as opened:
        yield opened


def made(
    storage: Storage, output: PipelineOutput | None = None, kinds: Collection[str] = ()
) -> Job:
    """A completed job, with its results on their way to two destinations."""
    series = builders.series(np.zeros(SHAPE, np.int16), seed=12, StudyDate="20240101")
    job, _ = completed_job(
        storage, series, lambda volume: output or numbered(volume), kinds, [MAPS, PACS]
    )
    return job


def numbered(volume: Volume) -> PipelineOutput:
    mask = builders.asymmetric_mask(SHAPE)
    stacked = output_of(volume, mask)
    return PipelineOutput(stacked.segments, mask.astype(np.uint8), stacked.measurements)


def report(storage: Storage, job: Job, kind: ResultKindName = "SR") -> Dataset:
    found = newest_report(storage.generated, storage.instances, storage.feedback_reports, job, kind)
    assert found is not None
    return found


def groups(document: Dataset) -> dict[str, tuple[dict[str, str], dict[str, float]]]:
    """By tracking identifier: evaluations by name, and numbers by the code of theirs."""
    content = hd.sr.MeasurementReport.from_sequence([document], is_root=True)
    return {
        group.tracking_identifier: (
            {
                one.name.value: one.value.value
                for one in group.get_qualitative_evaluations()
                # highdicom counts the family of the algorithm as one.
                if one.name.value != "111000"
            },
            {one.name.value: one.value for one in group.get_measurements()},
        )
        for group in content.get_image_measurement_groups()
    }


CLASSIFIED = PipelineOutput(
    classifications=(
        Classification("no acute finding", 0.8125),
        Classification("pneumothorax of the left side", 0.1),
    )
)


def test_what_an_image_model_calls_the_images_is_a_qualitative_evaluation(
    storage: Storage, tmp_path: Path
) -> None:
    job = made(storage, CLASSIFIED)
    document = report(storage, job)
    assert complaints(save(document, tmp_path / "sr.dcm")) == []
    assert groups(document) == {
        "brain-volume: no acute finding": (
            {"classification": "no acute finding"}, {"111012": 81.25}
        ),
        # Longer than 16 characters: a Long Code Value.
        "brain-volume: pneumothorax of the left side": (
            {"classification": "pneumothorax of the left side"}, {"111012": 10.0}
        ),
    }  # fmt: skip


def test_a_rejected_evaluation_leaves_the_report_with_its_certainty(
    storage: Storage, tmp_path: Path
) -> None:
    job = made(storage, CLASSIFIED)
    first, second = storage.findings.of_job(job.job_id)
    storage.finding_feedback.add(first, "ACCEPTED", of_account("dr-jones"), verifies=True)
    assert write_feedback_reports(storage, utcnow()) == 1
    # One of two: the other has nobody's word.
    assert report(storage, job).VerificationFlag == "UNVERIFIED"
    storage.finding_feedback.add(second, "REJECTED", of_account("dr-jones"), verifies=True)
    assert write_feedback_reports(storage, utcnow()) == 1
    document = report(storage, job)
    assert list(groups(document)) == [first.tracking_identifier]
    assert document.VerificationFlag == "VERIFIED"
    assert complaints(save(document, tmp_path / "sr.dcm")) == []


def test_a_word_gets_into_both_reports_and_each_goes_where_the_one_before_went(
    storage: Storage,
) -> None:
    job = made(storage, kinds=("LABELMAP", "LABELMAP_SR"))
    kinds: tuple[ResultKindName, ...] = ("SR", "LABELMAP_SR")
    first = {kind: report(storage, job, kind) for kind in kinds}
    (finding,) = storage.findings.of_job(job.job_id)
    for value in (1.5, 2.5):
        before = {kind: report(storage, job, kind) for kind in kinds}
        storage.finding_feedback.add(finding, "CORRECTED", of_account("dr-jones"), value=value)
        assert write_feedback_reports(storage, utcnow()) == 1
        for kind in kinds:
            after = report(storage, job, kind)
            assert list(replaced_by(after)) == [before[kind].SOPInstanceUID]
            assert after.SeriesInstanceUID == first[kind].SeriesInstanceUID
            content = hd.sr.MeasurementReport.from_sequence([after], is_root=True)
            (group,) = content.get_volumetric_roi_measurement_groups()
            assert group.get_measurements()[0].value == value
            mask = "SEG" if kind == "SR" else "LABELMAP"
            assert group.referenced_segment.referenced_sop_instance_uid == uid_of(job, mask)
    sent: dict[str, set[str]] = {"pacs": set(), "maps": set()}
    for one in storage.deliveries.of_study(job.study_instance_uid):
        sent[one.destination].add(one.sop_instance_uid)
    newest = {kind: str(report(storage, job, kind).SOPInstanceUID) for kind in kinds}
    assert newest["SR"] in sent["pacs"] - sent["maps"]
    assert newest["LABELMAP_SR"] in sent["maps"] - sent["pacs"]
    assert uid_of(job, "LABELMAP") in sent["maps"] - sent["pacs"]


def uid_of(job: Job, kind: str) -> str:
    (uid,) = [one["sop_instance_uid"] for one in job.result["instances"] if one["kind"] == kind]
    return str(uid)
