"""The pictures of a report once more, after feedback: the same slices with what counts now."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Protocol

import structlog
from pydicom.dataset import Dataset

from inference.findings.standing import StandingFinding
from inference.imaging.volume import Volume, assemble_volume
from inference.input_selection.job_inputs import JobInputs
from inference.input_selection.result_inputs import StudyResults
from inference.input_selection.study_inputs import inputs_of
from inference.pipeline import Pipeline, PipelineOutput
from inference.pipelines.catalogue import catalogue
from inference.results.masks.read import read_masks, read_segments
from inference.results.narrative import note_of, shown_value
from inference.results.pictures.render import Picture, draw_pictures
from inference.results.sr.feedback_pdf import LEFT_OUT
from storage.container.has import (
    HasAcceptanceDecisions,
    HasFindings,
    HasIndex,
    HasInstances,
    HasJobs,
    HasSettings,
)
from storage.core.entities import Job
from storage.core.errors import MediViewError, StorageUnavailable
from storage.dicom.value_errors import UNREADABLE

log = structlog.get_logger(__name__)


class PictureStorage(
    HasSettings,
    HasIndex,
    HasInstances,
    HasJobs,
    HasFindings,
    HasAcceptanceDecisions,
    Protocol,
):
    """What of the storage layer pictures are drawn again with."""


def pictures_after_feedback(
    storage: PictureStorage, job: Job, segmentation: Dataset, stated: Sequence[StandingFinding]
) -> list[Picture]:
    """A segment of which no finding counts any more is not shown; values are those of now.

    `segmentation`: the masks of the job. Empty where the images or the pipeline are no longer what
    the job had. Raises StorageUnavailable.
    """
    pipeline = _pipeline_of(storage, job)
    if pipeline is None:
        return []
    try:
        return _drawn(_volume_of(storage, job, pipeline), pipeline, segmentation, stated)
    except StorageUnavailable:
        raise
    except (MediViewError, *UNREADABLE) as error:
        log.warning("pictures_not_drawn_again", job_id=job.job_id, error=type(error).__name__)
        return []


def _pipeline_of(storage: PictureStorage, job: Job) -> Pipeline | None:
    for pipeline in catalogue(storage.settings):
        if (pipeline.name, pipeline.version) == (job.pipeline, job.pipeline_version):
            return pipeline
    return None


def _volume_of(storage: PictureStorage, job: Job, pipeline: Pipeline) -> Volume:
    inputs = JobInputs(
        storage.index,
        storage.instances,
        StudyResults(storage.jobs, storage.findings, storage.acceptance_decisions),
        job,
        lambda _share: None,
    )
    if inputs_of(pipeline):
        return inputs.reference_volume(pipeline)
    datasets, stack = inputs.series(pipeline)
    return assemble_volume(datasets, stack.frame_indices, tilted=True)


def _drawn(
    volume: Volume, pipeline: Pipeline, segmentation: Dataset, stated: Sequence[StandingFinding]
) -> list[Picture]:
    lines: dict[int, tuple[str, ...]] = defaultdict(tuple)
    colors: dict[int, tuple[int, int, int]] = {}
    counting = set()
    for one in stated:
        segment = one.finding.segmentation
        if segment is None:
            continue
        colors[segment.segment_number] = segment.color_rgb
        if one.counts:
            counting.add(segment.segment_number)
        if one.finding.value is not None:
            shown = shown_value(one.finding) if one.counts else LEFT_OUT
            lines[segment.segment_number] += (f"{one.finding.label}: {shown}",)
    slices = tuple(zip(volume.sop_instance_uids, volume.frame_numbers, strict=True))
    masks = read_masks(segmentation, slices)
    output = PipelineOutput(segments=read_segments(segmentation, colors), masks=masks.array)
    footer = f"{note_of(pipeline)} {pipeline.name} {pipeline.version}"
    return draw_pictures(volume, output, dict(lines), footer, left_out=set(colors) - counting)
