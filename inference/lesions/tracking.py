"""The lesions of a job beside those of the patient's study before: one identity for both."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import numpy as np

from inference.imaging.volume import Volume, assemble_volume
from inference.input_selection.job_inputs import JobInputs
from inference.input_selection.result_inputs import StudyResults
from inference.input_selection.study_inputs import inputs_of
from inference.lesions.components import axes_mm, box_axes_mm, with_single_lesions
from inference.lesions.matching.comparing import (
    OTHER_SIDE_THEN,
    JobLesions,
    compare_lesions,
    named_beside,
    nearest_lesions,
    other_side_before,
)
from inference.lesions.measurable import without_composites
from inference.lesions.points import spread_points, stored_points
from inference.pipeline import Pipeline, PipelineOutput
from inference.result_identity import segment_tracking_uid, stable_id
from inference.volume_preparation.coverage import with_validity
from storage.container.has import (
    HasAcceptanceDecisions,
    HasFindings,
    HasIndex,
    HasInstances,
    HasJobs,
    HasLesions,
    HasPatientStudies,
    HasSettings,
)
from storage.core.entities import Job
from storage.lesions.entities import Lesion, LesionMatch
from storage.lesions.repository import Lesions


@dataclass(frozen=True)
class Tracked:
    """An output whose lesions have their identity, and what is stored of them."""

    output: PipelineOutput
    lesions: tuple[Lesion, ...] = ()
    matches: tuple[LesionMatch, ...] = ()
    """With the study before, and of a study after, to which this one came late."""


class TrackingStorage(
    HasSettings,
    HasIndex,
    HasInstances,
    HasJobs,
    HasFindings,
    HasLesions,
    HasPatientStudies,
    HasAcceptanceDecisions,
    Protocol,
):
    """What of the storage layer lesions are compared with those of other studies with."""


def track_lesions(
    storage: TrackingStorage, job: Job, pipeline: Pipeline, volume: Volume, output: PipelineOutput
) -> Tracked:
    """Take lesions apart, and compare them with the studies of the pipeline before and after.

    What cannot be compared is tracked by itself, and a note says why. Raises NotCovered where the
    card refuses lesions that the images cut off.
    """
    if any(one.shows_lesions for one in output.segments):
        output = with_validity(pipeline, with_single_lesions(output, volume), volume)
    found = lesions_of(job, pipeline, volume, output)
    before, after = (
        nearest_lesions(
            storage.jobs, storage.lesions, storage.patient_studies, job, when, volume.laterality
        )
        for when in ("before", "after")
    )
    this = JobLesions(job, found, {}, volume)
    matches: list[LesionMatch] = []
    uids: dict[str, str] = {}

    def volume_of(other: Job) -> Volume:
        inputs = JobInputs(
            storage.index,
            storage.instances,
            StudyResults(storage.jobs, storage.findings, storage.acceptance_decisions),
            other,
            lambda _share: None,
        )
        return _volume_of(inputs, pipeline)

    if after is not None:
        revised = compare_lesions(storage.settings, job, volume_of, this, after) or []
        matches += revised
        uids |= _taken_back(revised, after, before)
    if before is not None:
        compared = compare_lesions(storage.settings, job, volume_of, before, this)
        if compared is None and storage.settings.lesion_matching_s:
            when = named_beside(
                storage.index, before.job.study_instance_uid, job.study_instance_uid
            )
            note = f"The lesions could not be compared with those of {when}: the images could"
            output = replace(output, notes=(*output.notes, f"{note} not be aligned."))
        matches += compared or []
        uids |= _inherited(compared or [], before)
    other = other_side_before(
        storage.jobs, storage.lesions, storage.patient_studies, job, volume.laterality
    )
    if other is not None:
        when = named_beside(storage.index, other.study_instance_uid, job.study_instance_uid)
        note = f"The lesions are not compared with those of {when}: {OTHER_SIDE_THEN}"
        output = replace(output, notes=(*output.notes, note))
    return _identified(output, found, tuple(matches), uids)


def lesions_of(
    job: Job, pipeline: Pipeline, volume: Volume, output: PipelineOutput
) -> list[Lesion]:
    """The segments that are single lesions, with their sizes and where they lie."""
    lesions = [
        _measured(
            Lesion(
                lesion_id=stable_id(job, "lesion", segment.label),
                job_id=job.job_id,
                study_instance_uid=job.study_instance_uid,
                series_instance_uid=job.series_instance_uid,
                pipeline=pipeline.name,
                segment_number=index + 1,
                label=segment.label,
                type=segment.type,
                tracking_uid=segment_tracking_uid(job, segment),
                long_axis_mm=0.0,
                short_axis_mm=0.0,
                volume_mm3=0.0,
                is_truncated=False,
                is_measurable=segment.is_measurable,
                points=b"",
                created_at=job.created_at,
                axes_method="half-pixel",
            ),
            volume,
            output,
        )
        for index, segment in enumerate(output.segments)
        if segment.is_lesion
    ]
    return without_composites(lesions, volume, output)


def store_edited_lesions(
    lesions: Lesions,
    before: Job,
    edit: Job,
    volume: Volume,
    output: PipelineOutput,
    changed: Collection[int],
) -> None:
    """The lesions of one job, as they are after a person edited its masks.

    Those of the `changed` segment numbers are measured again; no other has another size.
    """
    edited = [
        replace(one, job_id=edit.job_id, created_at=edit.created_at)
        for one in lesions.of_jobs([before.job_id])
        if output.mask(one.segment_number - 1).any()
    ]
    edited = [
        _measured(one, volume, output) if one.segment_number in changed else one for one in edited
    ]
    lesions.replace_edited(before.job_id, edit.job_id, edited)


def _measured(lesion: Lesion, volume: Volume, output: PipelineOutput) -> Lesion:
    index = lesion.segment_number - 1
    mask = output.mask(index)
    is_box = output.segments[index].is_box
    long_mm, short_mm = (box_axes_mm if is_box else axes_mm)(mask, volume)
    return replace(
        lesion,
        long_axis_mm=long_mm,
        short_axis_mm=short_mm,
        volume_mm3=float(np.count_nonzero(mask)) * volume.voxel_volume_mm3,
        is_truncated=bool(output.cut_off_at(index)),
        points=stored_points(spread_points(mask, volume)),
        axes_method="box" if is_box else "half-pixel",
    )


def _volume_of(inputs: JobInputs, pipeline: Pipeline) -> Volume:
    if inputs_of(pipeline):
        return inputs.reference_volume(pipeline)
    datasets, stack = inputs.series(pipeline)
    return assemble_volume(datasets, stack.frame_indices, tilted=True)


def _inherited(matches: Sequence[LesionMatch], before: JobLesions) -> dict[str, str]:
    """By lesion: the main part of an earlier one takes over its tracking UID."""
    return {
        one.later_lesion_id: before.uids[one.earlier_lesion_id]
        for one in matches
        if one.is_main and one.earlier_lesion_id and one.later_lesion_id
    }


def _taken_back(
    matches: Sequence[LesionMatch], after: JobLesions, before: JobLesions | None
) -> dict[str, str]:
    """By lesion: the UID that objects of a later study state already.

    Unless that has it from a lesion before both, which this one need not be.
    """
    known = set(before.uids.values()) if before is not None else set()
    return {
        one.earlier_lesion_id: after.uids[one.later_lesion_id]
        for one in matches
        if one.is_main and one.earlier_lesion_id and one.later_lesion_id
        and after.uids[one.later_lesion_id] not in known
    }  # fmt: skip


def _identified(
    output: PipelineOutput,
    found: Sequence[Lesion],
    matches: tuple[LesionMatch, ...],
    uids: Mapping[str, str],
) -> Tracked:
    """In the segment as in the row."""
    lesions = tuple(
        replace(one, tracking_uid=uids.get(one.lesion_id, one.tracking_uid)) for one in found
    )
    segments: list[Any] = list(output.segments)
    for one in lesions:
        number = one.segment_number - 1
        segments[number] = replace(segments[number], tracking_uid=one.tracking_uid)
    return Tracked(replace(output, segments=tuple(segments)), lesions, matches)
