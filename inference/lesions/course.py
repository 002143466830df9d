"""A patient's lesions over the studies."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from inference.lesions.history import (
    DRAWN_LESIONS,
    History,
    history_of,
    laterality_of_job,
)
from inference.lesions.reviewed import reviewed_lesions
from storage.core.acquisition import sides_contradict
from storage.findings.feedback import FindingFeedback
from storage.findings.repository import Findings
from storage.index.patient_studies import PatientStudies
from storage.index.repository import Index
from storage.jobs.repository import Jobs
from storage.lesions.entities import Lesion, LesionMatch
from storage.lesions.repository import Lesions


@dataclass(frozen=True)
class Seen:
    """A lesion in one study, and what it was before; no match at the first study."""

    lesion: Lesion
    uid: str
    group: str
    """The UID of the lesion that it is, or is a part of."""
    match: LesionMatch | None


@dataclass(frozen=True)
class Visit:
    """One study of one pipeline."""

    study_instance_uid: str
    study_date: str
    seen: tuple[Seen, ...]
    gone: tuple[LesionMatch, ...]
    merged: tuple[LesionMatch, ...]
    """Lesions of the study before that are parts of others now."""
    outside: tuple[LesionMatch, ...]
    """Lesions of the study before whose place the images do not show."""
    is_compared: bool
    """Whether anything says what the lesions were before; false of the first study."""
    rejected: tuple[LesionMatch, ...] = ()
    """What lesions of before became that readers rejected in this study."""
    unclear: frozenset[str] = frozenset()
    """Groups of lesions that are here and that a reader rejected in the study before."""
    by_readers: bool = False
    """Measured by hand: what is not measured may be there all the same."""
    study_time: str = ""
    uncertain: tuple[LesionMatch, ...] = ()
    """Lesions of the study before of which nobody can tell whether they are still there."""
    slice_thickness_mm: float | None = None
    """Of the images; None where they do not state it, and in results of earlier versions."""


def course_of(
    index: Index,
    jobs: Jobs,
    lesion_repository: Lesions,
    priors: PatientStudies,
    findings: Findings,
    finding_feedback: FindingFeedback,
    study_instance_uid: str,
) -> dict[str, list[Visit]]:
    """By pipeline, the studies up to this one, oldest first; as they are after feedback.

    Without studies whose images state the other side of the body than those of this one.
    """
    studies = [*priors.before(study_instance_uid)[::-1], study_instance_uid]
    history = history_of(jobs, lesion_repository, studies)
    groups = _groups(history)
    reviewed = reviewed_lesions(findings, finding_feedback, history.lesions)
    course: dict[str, list[Visit]] = defaultdict(list)
    for study in studies:
        record = index.study(study)
        moment = record.study_date, record.study_time
        for (job_study, pipeline), job in history.jobs.items():
            if job_study != study:
                continue
            this = history.jobs.get((study_instance_uid, pipeline))
            if this is not None and sides_contradict(
                laterality_of_job(job), laterality_of_job(this)
            ):
                continue
            lesions = [one for one in history.lesions if one.job_id == job.job_id]
            here = {one.lesion_id for one in lesions}
            matches = [
                one
                for one in history.matches
                if one.later_job_id == job.job_id or one.later_lesion_id in here
            ]
            if lesions or matches:
                visit = _visit(study, moment, lesions, matches, history.uids, groups, reviewed)
                course[pipeline].append(
                    replace(
                        visit,
                        by_readers=pipeline == DRAWN_LESIONS,
                        slice_thickness_mm=job.result.get("slice_thickness_mm"),
                    )
                )
    return dict(course)


def _visit(
    study: str,
    moment: tuple[str, str],
    lesions: Sequence[Lesion],
    matches: Sequence[LesionMatch],
    uids: Mapping[str, str],
    groups: Mapping[str, str],
    reviewed: Mapping[str, Lesion | None],
) -> Visit:
    """Without what readers rejected, here or in the study before."""

    def is_out(lesion_id: str) -> bool:
        return lesion_id in reviewed and reviewed[lesion_id] is None

    rejected = tuple(
        one
        for one in matches
        if one.earlier_lesion_id
        and is_out(one.later_lesion_id)
        and not is_out(one.earlier_lesion_id)
    )
    counting = [
        one
        for one in matches
        if not is_out(one.later_lesion_id)
        and (one.later_lesion_id or not is_out(one.earlier_lesion_id))
    ]
    by_later = {one.later_lesion_id: one for one in counting if one.later_lesion_id and one.is_main}
    by_later |= {
        one.later_lesion_id: one
        for one in counting
        if one.relation == "split" and one.later_lesion_id not in by_later
    }
    seen = tuple(
        Seen(one, uids[one.lesion_id], groups[one.lesion_id], by_later.get(one.lesion_id))
        for one in (reviewed.get(each.lesion_id, each) for each in lesions)
        if one is not None
    )
    return Visit(
        study_instance_uid=study,
        study_date=moment[0],
        seen=seen,
        gone=tuple(one for one in counting if one.relation == "gone"),
        merged=tuple(
            one
            for one in counting
            if one.relation == "merged" and not one.is_main and not is_out(one.earlier_lesion_id)
        ),
        outside=tuple(
            one for one in counting if one.relation == "outside" and one.earlier_lesion_id
        ),
        uncertain=tuple(
            one for one in counting if one.relation == "uncertain" and one.earlier_lesion_id
        ),
        rejected=rejected,
        is_compared=bool(matches),
        study_time=moment[1],
        unclear=frozenset(
            one.group
            for one in seen
            if one.match is not None
            and not one.match.decided_by
            and is_out(one.match.earlier_lesion_id)
        ),
    )


def _groups(history: History) -> dict[str, str]:
    """Parts of a lesion that has split count with it."""
    parent = {
        one.later_lesion_id: one.earlier_lesion_id
        for one in history.matches
        if one.earlier_lesion_id and one.later_lesion_id
        and (one.is_main or one.relation == "split")
    }  # fmt: skip
    known = {one.lesion_id for one in history.lesions}

    def root(lesion_id: str) -> str:
        seen = set()
        while parent.get(lesion_id) in known and lesion_id not in seen:
            seen.add(lesion_id)
            lesion_id = parent[lesion_id]
        return lesion_id

    return {lesion_id: history.uids[root(lesion_id)] for lesion_id in known}
