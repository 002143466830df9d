"""How much a volume has changed since the patient's study before."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import NamedTuple

from pydicom.uid import Comprehensive3DSRStorage

from inference.findings.derived import void_findings
from inference.lesions.history import lesion_uids
from storage.container import Storage
from storage.core.entities import Job
from storage.core.findings import Feedback, Finding, Prior
from storage.findings.feedback_reports import FeedbackReports
from storage.jobs.repository import Jobs

VOLUME_UNITS = frozenset({"mm3", "cm3", "mL", "L"})
"""UCUM codes of what a change in per cent is stated of."""
# Closer together, the noise of two measurements would be stated as a rate.
_RATE_FROM_DAYS = 30
_DAYS_IN_YEAR = 365.25
_DECIMALS = 2

_SR = str(Comprehensive3DSRStorage)

Key = tuple[str, str]
"""The same quantity, by the same pipeline: of a structure its tracking identifier and label, of a
lesion, which each study numbers again, its tracking UID and the code."""


class ReportRef(NamedTuple):
    sop_class_uid: str
    series_instance_uid: str
    sop_instance_uid: str


@dataclass(frozen=True)
class Earlier:
    """The newest value before a study, its date (DA) and the report that states it."""

    finding: Finding
    study_date: str
    value: float
    report: ReportRef


@dataclass(frozen=True)
class Comparison:
    """A study's date and what was measured before it. Free of the storage."""

    study_date: str
    earlier: Mapping[Key, Earlier]

    def compared(self, finding: Finding) -> Finding:
        """The finding with its prior, where it is a complete volume and has one."""
        of_lesion = finding.tracking_uid, finding.code.value
        found = self.earlier.get(of_lesion) or self.earlier.get(_key(finding))
        if (
            not finding.is_sound
            or found is None
            or finding.value is None
            or found.finding.unit != finding.unit
        ):
            return finding
        then, now = day(found.study_date), day(self.study_date)
        if then is None or now is None or found.value == 0:
            return finding
        change = (finding.value - found.value) / found.value * 100
        days = (now - then).days
        prior = Prior(
            finding_id=found.finding.finding_id,
            study_instance_uid=found.finding.study_instance_uid,
            study_date=found.study_date,
            pipeline_version=found.finding.pipeline_version,
            value=found.value,
            days=days,
            change_percent=round(change, _DECIMALS),
            change_percent_per_year=round(change * _DAYS_IN_YEAR / days, _DECIMALS)
            if days >= _RATE_FROM_DAYS
            else None,
            report_sop_class_uid=found.report.sop_class_uid,
            report_series_instance_uid=found.report.series_instance_uid,
            report_sop_instance_uid=found.report.sop_instance_uid,
        )
        return replace(finding, prior=prior)


def comparison_of(storage: Storage, job: Job) -> Comparison | None:
    """What there is to compare a job's findings with; None where there is nothing.

    The newest study before counts. What a person rejected does not, nor a total of it, and what
    one corrected counts as corrected.
    """
    before = storage.priors.before(job.study_instance_uid) if job.study_instance_uid else []
    found = {
        study: [one for one in findings if is_volume(one) and one.pipeline == job.pipeline]
        for study, findings in storage.findings.of_studies(before).items()
    }
    uids = lesion_uids(
        storage.jobs,
        storage.lesions,
        before[::-1],
        [one for study in before for one in found[study]],
    )
    earlier: dict[Key, Earlier] = {}
    for study_instance_uid in before:
        measured = found[study_instance_uid]
        feedback = storage.finding_feedback.of_findings([one.finding_id for one in measured])
        void = void_findings(measured, feedback)
        study_date = storage.index.study(study_instance_uid).study_date if measured else ""
        for one in measured:
            value = value_that_counts(one, feedback[one.finding_id])
            uid = uids.get(one.finding_id)
            key = _key(one) if uid is None else (uid, one.code.value)
            # The newest first, so that it stays.
            if one.finding_id in void:
                continue
            if value is not None and key not in earlier:
                report = _report_of(storage.jobs, storage.feedback_reports, one.job_id)
                earlier[key] = Earlier(one, study_date, value, report)
    if not earlier:
        return None
    return Comparison(storage.index.study(job.study_instance_uid).study_date, earlier)


def revise_comparisons(storage: Storage, study_instance_uid: str) -> int:
    """Compare a study's findings again, by what is stored and stated now; how many changed.

    A prior that no longer holds is cleared. SR and PDF that were written state what they were
    compared with at that time.
    """
    findings = [one for one in storage.findings.of_study(study_instance_uid) if is_volume(one)]
    if not findings:
        return 0
    before = storage.priors.before(study_instance_uid)
    uids = lesion_uids(storage.jobs, storage.lesions, [*before[::-1], study_instance_uid], findings)
    revised: dict[str, Prior | None] = {}
    for job in storage.jobs.of_studies([study_instance_uid])[study_instance_uid]:
        of_job = [one for one in findings if one.job_id == job.job_id]
        comparison = comparison_of(storage, job) if of_job else None
        for one in of_job:
            tracking_uid = uids.get(one.finding_id, one.tracking_uid)
            identified = replace(one, tracking_uid=tracking_uid, prior=None)
            prior = comparison.compared(identified).prior if comparison is not None else None
            if prior != one.prior:
                revised[one.finding_id] = prior
    storage.findings.set_priors(revised)
    return len(revised)


def _key(finding: Finding) -> Key:
    return finding.tracking_identifier, finding.label


def is_volume(finding: Finding) -> bool:
    return finding.unit is not None and finding.unit.value in VOLUME_UNITS


def value_that_counts(finding: Finding, feedback: list[Feedback]) -> float | None:
    """The value by the last word on it; None where it was rejected, or in another unit.

    None as well where it is that of a part or not plausible, unless a person has given the
    value of the whole.
    """
    stated = finding.value if finding.is_sound else None
    if not feedback:
        return stated
    word = feedback[-1]
    if word.kind == "REJECTED":
        return None
    if word.value is None:
        return stated
    return word.value if word.unit in (None, finding.unit) else None


def day(value: str) -> date | None:
    """A DA as a date; None where it is none (PS3.5 6.2)."""
    try:
        return datetime.strptime(value.replace(".", "").strip(), "%Y%m%d").date()
    except ValueError:
        return None


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
