"""The lesions of two studies beside each other: aligned, matched, and what became of each."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import structlog

from inference.imaging.volume import Volume
from inference.lesions.history import DRAWN_LESIONS, History, history_of, laterality_of_job
from inference.lesions.measurable import is_one_type
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

if TYPE_CHECKING:
    from inference.lesions.matching.pairing import Match
    from inference.lesions.matching.plausible_alignment import Points
    from inference.lesions.matching.registration import Alignment

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
    from inference.lesions.matching.plausible_alignment import is_doubtful, may_be_shifted
    from inference.lesions.matching.registration import align

    volumes = earlier.volume or volume_of(earlier.job), later.volume or volume_of(later.job)
    time_s, threads = settings.lesion_matching_s, settings.torch_threads
    alignment = align(*volumes, time_s=time_s, threads=threads)
    if not alignment.holds:
        _log_alignment(by, alignment)
        return None
    found = _Found.by(alignment, earlier.lesions, later.lesions)
    shift = found.shift_mm()
    if shift is not None:
        shifted = align(*volumes, time_s=time_s, threads=threads, near=(alignment, shift))
        other = _Found.by(shifted, earlier.lesions, later.lesions)
        more = other.partners - found.partners
        if (
            more > 0
            and shifted.holds
            and may_be_shifted(shifted.correlation, alignment.correlation, more)
        ):
            alignment, found = shifted, other
    _log_alignment(by, alignment)
    if is_doubtful(found.partners, found.count("gone"), found.count("new")):
        log.warning("lesions_contradict_alignment", job_id=by.job_id)
        return None
    return [
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
        for one, relation in zip(found.matches, found.relations, strict=True)
    ]


def _log_alignment(by: Job, alignment: "Alignment") -> None:
    log.info(
        "lesions_aligned",
        job_id=by.job_id,
        method=alignment.method,
        correlation=round(alignment.correlation, 3),
        inside=round(alignment.inside, 3),
        is_complete=alignment.is_complete,
    )


@dataclass(frozen=True)
class _Found:
    """What became of the lesions of two studies by one alignment of them."""

    before: Sequence["Points"]
    """Of the earlier study, in the later one."""
    now: Sequence["Points"]
    matches: Sequence["Match"]
    relations: Sequence[Relation]
    """Of each match: `outside` where the other study does not show the place."""

    @classmethod
    def by(
        cls, alignment: "Alignment", earlier: Sequence[Lesion], later: Sequence[Lesion]
    ) -> "_Found":
        from inference.lesions.matching.pairing import match

        before = [alignment.later_from_earlier(points_of(one)) for one in earlier]
        now = [points_of(one) for one in later]
        matches = match(
            before,
            now,
            earlier_mm=[one.long_axis_mm or 0.0 for one in earlier],
            later_mm=[one.long_axis_mm or 0.0 for one in later],
            # A reader who wrote "LN" in one study may have written nothing in the other.
            is_one_type=lambda i, j: (
                later[j].pipeline == DRAWN_LESIONS or is_one_type(earlier[i].type, later[j].type)
            ),
        )
        relations = []
        for one in matches:
            relation = one.relation
            if relation in ("gone", "new"):
                points = before[one.earlier] if one.earlier is not None else now[one.later or 0]
                if alignment.both_show(points).mean() < _LEAST_SHARE_SHOWN:
                    relation = "outside"
            relations.append(relation)
        return cls(before, now, matches, relations)

    @property
    def partners(self) -> int:
        """How many lesions of the earlier study are in the later one."""
        return len({one.earlier for one in self.matches if None not in (one.earlier, one.later)})

    def count(self, relation: Relation) -> int:
        return self.relations.count(relation)

    def shift_mm(self) -> "Points | None":
        """By which fewer lesions would be gone and new; None where half of them have a partner."""
        from inference.lesions.matching.plausible_alignment import shift_between

        pairs = list(zip(self.matches, self.relations, strict=True))
        gone = [self.before[one.earlier or 0] for one, what in pairs if what == "gone"]
        new = [self.now[one.later or 0] for one, what in pairs if what == "new"]
        if self.partners >= min(len(gone), len(new)):
            return None
        return shift_between(gone, new)


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
