"""The lesions of a job beside those of the patient's study before: one identity for both."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import structlog
from numpy.typing import NDArray

from inference.imaging.coverage import with_validity
from inference.imaging.volume import Volume, assemble_volume
from inference.lesions.components import axes_mm, box_axes_mm, with_single_lesions
from inference.lesions.history import history_of
from inference.pipeline import Pipeline, PipelineOutput
from inference.results.identity import segment_tracking_uid, stable_id
from inference.scheduling.study_inputs import inputs_of
from inference.worker.job_inputs import JobInputs
from storage.container import Storage
from storage.core.entities import Job
from storage.core.errors import MediViewError
from storage.lesions.entities import Lesion, LesionMatch, Relation

log = structlog.get_logger(__name__)

_MOST_POINTS = 1500
_LEAST_SHARE_SHOWN = 0.5
"""Of a lesion, from which its place counts as shown."""


@dataclass(frozen=True)
class Tracked:
    """An output whose lesions have their identity, and what is stored of them."""

    output: PipelineOutput
    lesions: tuple[Lesion, ...] = ()
    matches: tuple[LesionMatch, ...] = ()


@dataclass(frozen=True)
class _Before:
    job: Job
    date: str
    lesions: Sequence[Lesion]
    uids: Mapping[str, str]


def track_lesions(
    storage: Storage, job: Job, pipeline: Pipeline, volume: Volume, output: PipelineOutput
) -> Tracked:
    """Take lesions apart, and compare them with the newest study before of the pipeline.

    What cannot be compared is tracked by itself, and a note says why. Raises NotCovered where the
    card refuses lesions that the images cut off.
    """
    if any(one.shows_lesions for one in output.segments):
        output = with_validity(pipeline, with_single_lesions(output, volume), volume)
    found = lesions_of(job, pipeline, volume, output)
    before = _before(storage, job)
    if before is None or not (found or before.lesions):
        return Tracked(output, tuple(found))
    if not found or not before.lesions:
        matches = [_match(job, "new", later=one, method="nothing before") for one in found]
        matches += [
            _match(job, "gone", earlier=one, method="nothing found") for one in before.lesions
        ]
        return Tracked(output, tuple(found), tuple(matches))
    if storage.settings.lesion_matching_s == 0:
        return Tracked(output, tuple(found))
    try:
        matches = _compared(storage, job, pipeline, volume, before, found)
    except (MediViewError, RuntimeError) as error:
        log.warning("lesions_not_compared", job_id=job.job_id, error=type(error).__name__)
        matches = []
    if not matches:
        note = f"The lesions could not be compared with those of {before.date}: the images could"
        note += " not be aligned."
        return Tracked(replace(output, notes=(*output.notes, note)), tuple(found))
    return _identified(output, found, matches, before)


def store_lesions(storage: Storage, job: Job, tracked: Tracked | None) -> None:
    """Doing it again changes nothing."""
    if tracked is not None:
        storage.lesions.replace_for_job(job.job_id, tracked.lesions, tracked.matches)


def lesions_of(
    job: Job, pipeline: Pipeline, volume: Volume, output: PipelineOutput
) -> list[Lesion]:
    """The segments that are single lesions, with their sizes and where they lie."""
    return [
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
                points=b"",
                created_at=job.created_at,
            ),
            volume,
            output,
        )
        for index, segment in enumerate(output.segments)
        if segment.is_lesion
    ]


def store_edited_lesions(
    storage: Storage, before: Job, edit: Job, volume: Volume, output: PipelineOutput
) -> None:
    """Measure the lesions of a job again whose masks a person has edited."""
    edited = [
        _measured(replace(one, job_id=edit.job_id, created_at=edit.created_at), volume, output)
        for one in storage.lesions.of_jobs([before.job_id])
        if output.mask(one.segment_number - 1).any()
    ]
    storage.lesions.replace_edited(before.job_id, edit.job_id, edited)


def _measured(lesion: Lesion, volume: Volume, output: PipelineOutput) -> Lesion:
    index = lesion.segment_number - 1
    mask = output.mask(index)
    axes_of = box_axes_mm if output.segments[index].is_box else axes_mm
    long_mm, short_mm = axes_of(mask, volume)
    return replace(
        lesion,
        long_axis_mm=long_mm,
        short_axis_mm=short_mm,
        volume_mm3=float(np.count_nonzero(mask)) * volume.voxel_volume_mm3,
        is_truncated=bool(output.cut_off_at(index)),
        points=_points(mask, volume).astype("<f4").tobytes(),
    )


def _points(mask: NDArray[np.bool_], volume: Volume) -> NDArray[np.float64]:
    """Centres of voxels, at most so many, spread over the lesion."""
    kji = np.argwhere(mask)
    kji = kji[np.linspace(0, len(kji) - 1, min(len(kji), _MOST_POINTS)).astype(int)]
    places: NDArray[np.float64] = kji @ volume.lps_from_kji[:3, :3].T + volume.lps_from_kji[:3, 3]
    return places


def points_of(lesion: Lesion) -> NDArray[np.float64]:
    """Shape (n, 3), mm, LPS."""
    return np.frombuffer(lesion.points, "<f4").reshape(-1, 3).astype(np.float64)


def _before(storage: Storage, job: Job) -> _Before | None:
    """The newest study before of which a job of the pipeline is done."""
    studies = storage.priors.before(job.study_instance_uid) if job.study_instance_uid else []
    history = history_of(storage, studies)
    for study in studies:
        done = history.jobs.get((study, job.pipeline))
        if done is not None:
            lesions = [one for one in history.lesions if one.job_id == done.job_id]
            date = storage.index.study(study).study_date
            return _Before(done, date, lesions, history.uids)
    return None


def _compared(
    storage: Storage,
    job: Job,
    pipeline: Pipeline,
    volume: Volume,
    before: _Before,
    found: Sequence[Lesion],
) -> list[LesionMatch]:
    """Empty where the two series cannot be aligned."""
    # SimpleITK takes half a second to import, and few jobs find lesions.
    from inference.lesions.matching import match
    from inference.lesions.registration import align

    alignment = align(
        _volume_of(storage, before.job, pipeline),
        volume,
        time_s=storage.settings.lesion_matching_s,
        threads=storage.settings.torch_threads,
    )
    log.info(
        "lesions_aligned",
        job_id=job.job_id,
        method=alignment.method,
        correlation=round(alignment.correlation, 3),
    )
    if not alignment.holds:
        return []
    earlier = [alignment.later_from_earlier(points_of(one)) for one in before.lesions]
    later = [points_of(one) for one in found]
    matches: list[LesionMatch] = []
    for one in match(earlier, later):
        relation = one.relation
        if relation in ("gone", "new"):
            points = earlier[one.earlier] if one.earlier is not None else later[one.later or 0]
            if alignment.both_show(points).mean() < _LEAST_SHARE_SHOWN:
                relation = "outside"
        matches.append(
            _match(
                job,
                relation,
                earlier=None if one.earlier is None else before.lesions[one.earlier],
                later=None if one.later is None else found[one.later],
                is_main=one.is_main,
                confidence=one.confidence,
                method=f"{alignment.method}; overlap",
            )
        )
    return matches


def _volume_of(storage: Storage, job: Job, pipeline: Pipeline) -> Volume:
    """The images of an earlier job, as they are now. Raises where they have changed or are gone."""
    inputs = JobInputs(storage, job, lambda _share: None)
    if inputs_of(pipeline):
        return inputs.of_study(pipeline).volumes[getattr(pipeline, "reference", "")]
    datasets, stack = inputs.series(pipeline)
    return assemble_volume(datasets, stack.frame_indices, tilted=True)


def _match(
    job: Job,
    relation: Relation,
    *,
    earlier: Lesion | None = None,
    later: Lesion | None = None,
    is_main: bool = True,
    confidence: float = 1.0,
    method: str,
) -> LesionMatch:
    ids = [one.lesion_id if one else "" for one in (earlier, later)]
    return LesionMatch(
        match_id=stable_id(job, "match", relation, *ids),
        study_instance_uid=job.study_instance_uid,
        job_id=job.job_id,
        relation=relation,
        earlier_lesion_id=ids[0],
        later_lesion_id=ids[1],
        is_main=is_main,
        confidence=round(confidence, 3),
        method=method,
        reason="",
        decided_by="",
        decided_by_id="",
        decided_at=job.created_at,
    )


def _identified(
    output: PipelineOutput,
    found: Sequence[Lesion],
    matches: Sequence[LesionMatch],
    before: _Before,
) -> Tracked:
    """The main part of a lesion takes over its tracking UID, in the segment as in the row."""
    inherited = {
        one.later_lesion_id: before.uids[one.earlier_lesion_id]
        for one in matches
        if one.is_main and one.earlier_lesion_id and one.later_lesion_id
    }
    lesions = tuple(
        replace(one, tracking_uid=inherited.get(one.lesion_id, one.tracking_uid)) for one in found
    )
    segments: list[Any] = list(output.segments)
    for one in lesions:
        number = one.segment_number - 1
        segments[number] = replace(segments[number], tracking_uid=one.tracking_uid)
    return Tracked(replace(output, segments=tuple(segments)), lesions, tuple(matches))
