"""The version of a mask that a person edits, and what it was made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from pydicom.dataset import Dataset

from inference.annotations.storing import stale
from inference.imaging.volume import Volume, assemble_volume
from inference.input_selection.selection import stack_for
from inference.interactive.models import click_pipeline
from inference.pipeline import Pipeline
from inference.pipelines.catalogue import catalogue
from storage.container.has import (
    HasFindings,
    HasGenerated,
    HasIndex,
    HasInstances,
    HasJobs,
    HasLesions,
    HasSettings,
)
from storage.core.entities import Job
from storage.core.errors import InvalidRequest, NotFound
from storage.core.findings import Finding
from storage.dicom.storage_classes import SEGMENTATION_CLASSES
from storage.jobs.repository import Jobs
from storage.lesions.entities import Lesion
from storage.settings import Settings


@dataclass(frozen=True)
class EditedVersion:
    job: Job
    pipeline: Pipeline
    segmentation: Dataset
    sources: Sequence[Dataset]
    volume: Volume
    findings: Sequence[Finding]
    lesions: Sequence[Lesion]
    source_fingerprint: str
    """Of the series that all of it is over."""


class EditedVersionStorage(
    HasSettings, HasIndex, HasInstances, HasGenerated, HasJobs, HasFindings, HasLesions, Protocol
):
    """What of the storage layer the version of a mask that is edited is found with."""


def version_to_edit(
    storage: EditedVersionStorage, study_instance_uid: str, sop_instance_uid: str
) -> EditedVersion:
    """Raises NotFound, InvalidRequest, UidConflict where a newer version is there."""
    instance = storage.generated.instance(sop_instance_uid)
    if (
        instance.study_instance_uid != study_instance_uid
        or instance.sop_class_uid not in SEGMENTATION_CLASSES
    ):
        raise NotFound(
            f"The study holds no segmentation {sop_instance_uid}.",
            remedy="GET /api/jobs names the results of a study.",
        )
    job = _job_of(storage.jobs, study_instance_uid, sop_instance_uid)
    pipeline = _pipeline_of(storage.settings, job)
    if storage.jobs.inputs_of(job.job_id):
        raise InvalidRequest(
            "The mask was made of several series; such masks cannot be edited yet.",
            remedy="Say what is wrong with its numbers by feedback on the findings.",
        )
    held = storage.index.instances_of(study_instance_uid, job.series_instance_uid)
    datasets: list[Dataset] = list(storage.instances.datasets(held))
    series = storage.index.series(study_instance_uid, job.series_instance_uid)
    stack = stack_for(pipeline, series, held, datasets)
    sources = stack.of(datasets)
    return EditedVersion(
        job=job,
        pipeline=pipeline,
        segmentation=storage.instances.dataset(instance),
        sources=sources,
        volume=assemble_volume(sources, stack.frame_indices, tilted=True),
        findings=storage.findings.of_job(job.job_id),
        lesions=storage.lesions.of_jobs([job.job_id]),
        source_fingerprint=series.fingerprint,
    )


def _job_of(job_repository: Jobs, study_instance_uid: str, sop_instance_uid: str) -> Job:
    """The job that made the segmentation, which must be the newest of its kind."""
    of_study = job_repository.of_studies([study_instance_uid])[study_instance_uid]
    jobs = [job for job in of_study if job.has_completed]
    for job in jobs:
        made = {one.get("sop_instance_uid") for one in job.result.get("instances", ())}
        if sop_instance_uid in made:
            if job.ending == "superseded":
                raise stale()
            break
    else:
        raise InvalidRequest(
            "The segmentation is not a result of this node.",
            remedy="Only results of pipelines that run here can be edited.",
        )
    newer = [
        one
        for one in jobs
        if (one.series_instance_uid, one.pipeline) == (job.series_instance_uid, job.pipeline)
        and one.created_at > job.created_at
    ]
    if newer:
        raise stale()
    return job


def _pipeline_of(settings: Settings, job: Job) -> Pipeline:
    for pipeline in catalogue(settings):
        if (pipeline.name, pipeline.version) == (job.pipeline, job.pipeline_version):
            return pipeline
    clicked = click_pipeline(settings, job.pipeline, job.pipeline_version)
    if clicked is not None:
        return clicked
    raise InvalidRequest(
        f"The pipeline {job.pipeline} {job.pipeline_version} is not installed any more.",
        remedy="Run the present version on the series, and edit its mask.",
    )
