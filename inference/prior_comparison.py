"""What was measured before a study, read from the index to compare its findings with it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

from pydicom.uid import Comprehensive3DSRStorage

from inference.findings.comparison import (
    Comparison,
    Earlier,
    Key,
    ReportRef,
    quantity_key,
    value_that_counts,
)
from inference.findings.derived import void_findings
from inference.lesions.history import History, history_of, laterality_of_job, lesion_uids
from inference.lesions.matching.merges_and_splits import joined_in
from storage.container.has import (
    HasFeedbackReports,
    HasFindingFeedback,
    HasFindings,
    HasIndex,
    HasJobs,
    HasLesions,
    HasPatientStudies,
)
from storage.core.acquisition import DENSITIES, laterality_of, sides_contradict
from storage.core.entities import Job
from storage.core.findings import Finding
from storage.core.text.dates import time_beside
from storage.core.variation import is_volume
from storage.findings.feedback_reports import FeedbackReports
from storage.index.repository import Index
from storage.jobs.repository import Jobs
from storage.lesions.repository import Lesions

if TYPE_CHECKING:
    # It loads scipy, which a process without a job does without.
    from inference.lesions.tracking import Tracked

_SR = str(Comprehensive3DSRStorage)


class ComparisonStorage(
    HasIndex,
    HasJobs,
    HasFindings,
    HasFindingFeedback,
    HasFeedbackReports,
    HasLesions,
    HasPatientStudies,
    Protocol,
):
    """What of the storage layer findings are compared with those before with."""


def comparison_of(
    storage: ComparisonStorage,
    job: Job,
    tracked: "Tracked | None" = None,
    laterality: str | None = None,
    *,
    up_to: str = "",
) -> Comparison | None:
    """What there is to compare a job's findings with; None where there is nothing.

    The newest study before counts. What a person rejected does not, nor a total of it, and what
    one corrected counts as corrected. What is of the other side of the body than the job's images
    counts where there is nothing else, so that the reason is stated. `tracked`, `laterality`: of a
    job that is not stored yet. `up_to`: a day (DA), to leave out studies after it.
    """
    if laterality is None:
        laterality = laterality_of_job(job)
    before = (
        storage.patient_studies.before(job.study_instance_uid) if job.study_instance_uid else []
    )
    if up_to:
        before = [
            one for one in before if storage.index.study(one).study_date.replace(".", "") <= up_to
        ]
    by_study = storage.findings.of_studies(before)
    found = {
        study: [one for one in findings if is_volume(one) and one.pipeline == job.pipeline]
        for study, findings in by_study.items()
    }
    own_date = storage.index.study(job.study_instance_uid).study_date if before else ""
    densities = _densities(storage.index, before, by_study, job.pipeline, laterality, own_date)
    uids = lesion_uids(
        storage.jobs,
        storage.lesions,
        before[::-1],
        [one for study in before for one in found[study]],
    )
    history = _history(storage.jobs, storage.lesions, before, job, tracked) if uids else None
    earlier: dict[Key, Earlier] = {}
    of_other_side: dict[Key, Earlier] = {}
    # Before it merged or split, a lesion was another.
    others: set[str] = set()
    for study_instance_uid in before:
        measured = found[study_instance_uid]
        feedback = storage.finding_feedback.of_findings([one.finding_id for one in measured])
        # Of volumes alone: what other jobs took makes categories.
        void = void_findings(measured, feedback, {})
        moment = _moment(storage.index, study_instance_uid, own_date) if measured else ("", "")
        for one in measured:
            value = value_that_counts(one, feedback[one.finding_id])
            uid = uids.get(one.finding_id)
            key = quantity_key(one) if uid is None else (uid, one.code.value)
            # The newest first, so that it stays.
            if one.finding_id in void or uid in others:
                continue
            is_other = sides_contradict(laterality_of(one), laterality)
            known = of_other_side if is_other else earlier
            if value is not None and key not in known:
                report = _report_of(storage.jobs, storage.feedback_reports, one.job_id)
                known[key] = Earlier(one, moment[0], value, report, moment[1])
        if history is not None:
            others |= joined_in(history, study_instance_uid).keys()
    earlier = of_other_side | earlier
    if not earlier and not densities:
        return None
    joined = {} if history is None else joined_in(history, job.study_instance_uid)
    return Comparison(own_date, earlier, joined, densities)


def _moment(index: Index, study_instance_uid: str, own_date: str) -> tuple[str, str]:
    """The date of an earlier study, and its time where it is of the day of the later one."""
    study = index.study(study_instance_uid)
    return study.study_date, time_beside(study.study_date, study.study_time, own_date)


def _densities(
    index: Index,
    newest_first: Sequence[str],
    by_study: Mapping[str, Sequence[Finding]],
    pipeline: str,
    laterality: str,
    own_date: str,
) -> dict[Key, tuple[Finding, str, str]]:
    """The newest of each, as it would be compared."""
    newest: dict[Key, tuple[Finding, str, str]] = {}
    of_other_side: dict[Key, tuple[Finding, str, str]] = {}
    for study_instance_uid in newest_first:
        of_study = [
            one
            for one in by_study[study_instance_uid]
            if one.code.value in DENSITIES and one.is_sound and one.pipeline == pipeline
        ]
        if of_study:
            moment = _moment(index, study_instance_uid, own_date)
            for one in of_study:
                is_other = sides_contradict(laterality_of(one), laterality)
                known = of_other_side if is_other else newest
                known.setdefault(quantity_key(one), (one, *moment))
    return of_other_side | newest


def _history(
    jobs: Jobs, lesions: Lesions, before: Sequence[str], job: Job, tracked: "Tracked | None"
) -> History:
    """Of the studies before and of the job's own, whose lesions may not be stored yet."""
    oldest_first = before[::-1]
    if tracked is None:
        oldest_first = [*oldest_first, job.study_instance_uid]
    history = history_of(jobs, lesions, oldest_first)
    if tracked is None:
        return history
    own = [one for one in tracked.matches if one.later_job_id == job.job_id]
    return replace(
        history,
        lesions=[*history.lesions, *tracked.lesions],
        matches=[*history.matches, *own],
        uids={**history.uids, **{one.lesion_id: one.tracking_uid for one in tracked.lesions}},
    )


def revise_comparisons(storage: ComparisonStorage, study_instance_uid: str) -> int:
    """Compare a study's findings again, by what is stored and stated now; how many changed.

    A prior or a caveat that no longer holds is cleared. SR and PDF that were written follow
    (`inference.annotations.feedback_reports.renew_comparisons`).
    """
    findings = storage.findings.of_study(study_instance_uid)
    revised = [
        replace(one, prior=compared.prior, validity=compared.validity)
        for job in storage.jobs.of_studies([study_instance_uid])[study_instance_uid]
        for one, compared in _compared(
            storage, job, [one for one in findings if one.job_id == job.job_id]
        )
        if (compared.prior, compared.caveats) != (one.prior, one.caveats)
    ]
    storage.findings.compare_again(revised)
    return len(revised)


class StoredComparisons:
    """`inference.annotations.feedback_reports.Comparisons` of a storage."""

    def __init__(self, storage: ComparisonStorage) -> None:
        self._storage = storage

    def revise(self, study_instance_uid: str) -> int:
        return revise_comparisons(self._storage, study_instance_uid)

    def as_of(self, job: Job, study_date: str) -> list[Finding]:
        return [
            replace(one, prior=compared.prior, validity=compared.validity)
            for one, compared in _compared(
                self._storage, job, self._storage.findings.of_job(job.job_id), study_date
            )
        ]


def _compared(
    storage: ComparisonStorage, job: Job, findings: Sequence[Finding], up_to: str = ""
) -> list[tuple[Finding, Finding]]:
    """Those of a job's findings that are compared at all, as stored and as they compare now."""
    of_job = [one for one in findings if is_volume(one) or one.code.value in DENSITIES]
    if not of_job:
        return []
    before = storage.patient_studies.before(job.study_instance_uid)
    uids = lesion_uids(
        storage.jobs, storage.lesions, [*before[::-1], job.study_instance_uid], of_job
    )
    comparison = comparison_of(storage, job, up_to=up_to) or Comparison("", {})
    identified = [
        replace(one, tracking_uid=uids.get(one.finding_id, one.tracking_uid), prior=None)
        for one in of_job
    ]
    return [
        (one, comparison.compared(same, identified))
        for one, same in zip(of_job, identified, strict=True)
    ]


def _report_of(jobs: Jobs, feedback_reports: FeedbackReports, job_id: str) -> ReportRef:
    """The last version of the report; all empty where the job has none any more."""
    for version in reversed(feedback_reports.versions(job_id)):
        return ReportRef(_SR, version.series_instance_uid, version.sop_instance_uid)
    for made in jobs.get(job_id).result.get("instances", ()):
        if made.get("kind") == "SR":
            return ReportRef(
                str(made["sop_class_uid"]),
                str(made["series_instance_uid"]),
                str(made["sop_instance_uid"]),
            )
    return ReportRef("", "", "")
