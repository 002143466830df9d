"""The lesions of two studies beside each other: aligned, matched, and what became of each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import structlog

from inference.imaging.volume import Volume
from inference.lesions.history import History, history_of, laterality_of_job
from inference.lesions.points import points_of
from inference.result_identity import stable_id
from storage.core.acquisition import sides_contradict
from storage.core.entities import Job
from storage.core.errors import MediViewError
from storage.core.text.dates import shown_moment
from storage.index.patient_studies import PatientStudies
from storage.index.repository import Index
from storage.jobs.repository import Jobs
from storage.lesions.entities import Lesion, LesionMatch, Relation
from storage.lesions.repository import Lesions
from storage.settings import Settings

log = structlog.get_logger(__name__)

_LEAST_SHARE_SHOWN = 0.5
"""Of a lesion, from which its place counts as shown."""

OTHER_SIDE_THEN = "its images state the other side of the body."

VolumeOf = Callable[[Job], Volume]
"""The images of another job, as they are now. Raises where they have changed or are gone."""


def named_beside(index: Index, earlier_uid: str, later_uid: str) -> str:
    """An earlier study by its date, and by its time where both are of one day."""
    then, now = index.study(earlier_uid), index.study(later_uid)
    return shown_moment(then.study_date, then.study_time, now.study_date)


@dataclass(frozen=True)
class JobLesions:
    """The lesions of one job, and the tracking UID of each."""

    job: Job
    lesions: Sequence[Lesion]
    uids: Mapping[str, str]
    volume: Volume | None = None
    """Its images; read where they are not given."""


def compare_lesions(
    settings: Settings, by: Job, volume_of: VolumeOf, earlier: JobLesions, later: JobLesions
) -> list[LesionMatch] | None:
    """What became of each lesion, compared `by` one of the two jobs; None where nobody can tell.

    That is where the images cannot be aligned, are gone, or the site compares none.
    """
    if not later.lesions or not earlier.lesions:
        matches = [
            lesion_match(by, later.job, "new", to=one, method="nothing before")
            for one in later.lesions
        ]
        return matches + [
            lesion_match(by, later.job, "gone", of=one, method="nothing found")
            for one in earlier.lesions
        ]
    if settings.lesion_matching_s == 0:
        return None
    try:
        return _aligned(settings, by, volume_of, earlier, later)
    except (MediViewError, RuntimeError) as error:
        log.warning("lesions_not_compared", job_id=by.job_id, error=type(error).__name__)
        return None


def _aligned(
    settings: Settings, by: Job, volume_of: VolumeOf, earlier: JobLesions, later: JobLesions
) -> list[LesionMatch] | None:
    # SimpleITK takes half a second to import, and few jobs find lesions.
    from inference.lesions.matching import match
    from inference.lesions.registration import align

    alignment = align(
        earlier.volume or volume_of(earlier.job),
        later.volume or volume_of(later.job),
        time_s=settings.lesion_matching_s,
        threads=settings.torch_threads,
    )
    log.info(
        "lesions_aligned",
        job_id=by.job_id,
        method=alignment.method,
        correlation=round(alignment.correlation, 3),
    )
    if not alignment.holds:
        return None
    before = [alignment.later_from_earlier(points_of(one)) for one in earlier.lesions]
    now = [points_of(one) for one in later.lesions]
    matches: list[LesionMatch] = []
    found = match(
        before,
        now,
        earlier_mm=[one.long_axis_mm or 0.0 for one in earlier.lesions],
        later_mm=[one.long_axis_mm or 0.0 for one in later.lesions],
    )
    for one in found:
        relation = one.relation
        if relation in ("gone", "new"):
            points = before[one.earlier] if one.earlier is not None else now[one.later or 0]
            if alignment.both_show(points).mean() < _LEAST_SHARE_SHOWN:
                relation = "outside"
        matches.append(
            lesion_match(
                by,
                later.job,
                relation,
                of=None if one.earlier is None else earlier.lesions[one.earlier],
                to=None if one.later is None else later.lesions[one.later],
                is_main=one.is_main,
                confidence=one.confidence,
                method=f"{alignment.method}; overlap",
            )
        )
    return matches


def nearest_lesions(
    jobs: Jobs,
    lesion_repository: Lesions,
    priors: PatientStudies,
    job: Job,
    when: Literal["before", "after"],
    laterality: str,
) -> JobLesions | None:
    """Of the studies before or after, the nearest of which a job of the pipeline is done, and whose
    images do not state the other side of the body than `laterality` (L, R, B or empty)."""
    done, history = _nearest(jobs, lesion_repository, priors, job, when, laterality)
    if done is None:
        return None
    lesions = [one for one in history.lesions if one.job_id == done.job_id]
    return JobLesions(done, lesions, history.uids)


def other_side_before(
    jobs: Jobs, lesion_repository: Lesions, priors: PatientStudies, job: Job, laterality: str
) -> Job | None:
    """The nearest job of the pipeline before, where it is of the other side of the body."""
    done, _ = _nearest(jobs, lesion_repository, priors, job, "before", "")
    if done is None or not sides_contradict(laterality_of_job(done), laterality):
        return None
    return done


def _nearest(
    jobs: Jobs,
    lesion_repository: Lesions,
    priors: PatientStudies,
    job: Job,
    when: Literal["before", "after"],
    laterality: str,
) -> tuple[Job | None, History]:
    if not job.study_instance_uid:
        return None, History({}, [], [], {})
    beside = priors.before if when == "before" else priors.after
    newest_first = beside(job.study_instance_uid)
    history = history_of(jobs, lesion_repository, newest_first[::-1])
    for study in newest_first if when == "before" else newest_first[::-1]:
        done = history.jobs.get((study, job.pipeline))
        if done is not None and not sides_contradict(laterality_of_job(done), laterality):
            return done, history
    return None, history


def lesion_match(
    by: Job,
    later_job: Job,
    relation: Relation,
    *,
    of: Lesion | None = None,
    to: Lesion | None = None,
    is_main: bool = True,
    confidence: float = 1.0,
    method: str,
) -> LesionMatch:
    ids = [one.lesion_id if one else "" for one in (of, to)]
    return LesionMatch(
        match_id=stable_id(by, "match", relation, *ids),
        study_instance_uid=later_job.study_instance_uid,
        job_id=by.job_id,
        later_job_id=later_job.job_id,
        relation=relation,
        earlier_lesion_id=ids[0],
        later_lesion_id=ids[1],
        is_main=is_main,
        confidence=round(confidence, 3),
        method=method,
        reason="",
        decided_by="",
        decided_by_id="",
        decided_at=by.created_at,
    )
