"""Completed jobs on studies of one patient, and what was made of them since."""

from collections.abc import Iterator

import highdicom as hd
import numpy as np
import pypdfium2
from pydicom.dataset import Dataset

from inference.annotations.content import has_name
from inference.annotations.report_versions import newest_report
from inference.imaging.volume import Volume
from inference.pipeline import PipelineOutput
from inference.pipelines.brain.brain_volume import BrainVolume
from inference.results.sr.change import CHANGE
from inference.volume_preparation.surfaces import with_surfaces
from storage.container import Storage
from storage.core.entities import Job
from tests import builders
from tests.inference.completed_jobs import completed_job
from tests.inference.results_support import output_of

SHAPE = (9, 11, 13)


def made(
    storage: Storage,
    seed: int,
    study_date: str,
    arm: int = 0,
    time: str = "",
    kinds: tuple[str, ...] = (),
) -> Job:
    """A completed job on one study of one patient, with two segments."""
    series = builders.series(
        np.zeros(SHAPE, np.int16), seed=seed, PatientID="P1", StudyDate=study_date, StudyTime=time
    )

    def outlined(volume: Volume) -> PipelineOutput:
        first = builders.asymmetric_mask(SHAPE)
        second = np.zeros(SHAPE, np.bool_)
        second[2:5, 5:9, 7 : 9 + arm] = True
        return with_surfaces(BrainVolume(), output_of(volume, first, second & ~first), volume)

    job, _ = completed_job(storage, series, outlined, kinds)
    instances = storage.index.instances_of(job.study_instance_uid)
    made_here = [one for one in instances if one.sop_instance_uid in _results(job)]
    storage.deliveries.enqueue("pacs", made_here, job.job_id)
    return job


def _results(job: Job) -> set[str]:
    return {str(one["sop_instance_uid"]) for one in job.result["instances"]}


def report(storage: Storage, job: Job) -> Dataset:
    found = newest_report(storage.generated, storage.instances, storage.feedback_reports, job)
    assert found is not None
    return found


def values(document: Dataset) -> dict[str, float]:
    groups = hd.sr.MeasurementReport.from_sequence(
        [document], is_root=True
    ).get_volumetric_roi_measurement_groups()
    return {
        one.tracking_identifier: one.get_measurements()[0].value for one in groups
    }  # the first is the volume itself


def words(document: Dataset) -> list[str]:
    return [one.TextValue for one in document.ContentSequence[-1].ContentSequence]


def changes(document: Dataset) -> list[Dataset]:
    return [one for one in _items(document) if has_name(one, CHANGE)]


def _items(item: Dataset) -> Iterator[Dataset]:
    for one in item.get("ContentSequence") or ():
        yield one
        yield from _items(one)


def of_kinds(job: Job, *kinds: str) -> set[str]:
    return {str(one["sop_instance_uid"]) for one in job.result["instances"] if one["kind"] in kinds}


def wanted(storage: Storage, job: Job) -> set[str]:
    return {one.sop_instance_uid for one in storage.deliveries.of_study(job.study_instance_uid)}


def pdf_text(storage: Storage, uid: str) -> str:
    document = storage.instances.dataset(storage.generated.instance(uid))
    with pypdfium2.PdfDocument(bytes(document.EncapsulatedDocument)) as pdf:
        return "\n".join(page.get_textpage().get_text_range() for page in pdf)


def named(note: Dataset) -> set[str]:
    named = note.CurrentRequestedProcedureEvidenceSequence[0].ReferencedSeriesSequence
    return {
        str(one.ReferencedSOPInstanceUID) for each in named for one in each.ReferencedSOPSequence
    }


def made_since(storage: Storage, job: Job, before: set[str]) -> dict[str, Dataset]:
    """By modality: SR, the new PDF (DOC) and the rejection note (KO)."""
    held = storage.index.instances_of(job.study_instance_uid)
    new = [storage.instances.dataset(one) for one in held if one.sop_instance_uid not in before]
    return {str(one.Modality): one for one in new}
