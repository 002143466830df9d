"""All that a report of one study may rest on."""

import hashlib
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Protocol

from inference.findings.corrections import corrected_fact
from inference.findings.derived import void_findings
from inference.findings.facts import Fact, fact_of
from inference.findings.missing_lungs import is_of_lung, missing_lungs
from inference.findings.same_quantity import stated_once
from inference.lesions.history import findings_of_lesions, history_of, lesion_uids
from inference.lesions.matching.merges_and_splits import joined_in
from inference.reports.lesion_courses import LesionCourse, lesion_courses
from inference.reports.technique import SeriesTechnique, technique_of
from storage.container.has import (
    HasAnswers,
    HasFindingFeedback,
    HasFindings,
    HasIndex,
    HasInstances,
    HasJobs,
    HasLesions,
    HasPatientStudies,
    HasReports,
    HasSettings,
    HasWorklist,
)
from storage.core.acquisition import laterality_of, sides_contradict
from storage.core.entities import Job, JobStatus, Study
from storage.core.findings import Finding
from storage.core.text.dates import time_beside
from storage.findings.feedback import FindingFeedback
from storage.findings.repository import Findings
from storage.index.patient_studies import PatientStudies
from storage.index.repository import Index
from storage.integrity.instance_reader import InstanceReader
from storage.jobs.repository import Jobs
from storage.lesions.repository import Lesions
from storage.worklist.repository import Worklist

_INDICATION = ("ReasonForTheRequestedProcedure", "RequestedProcedureComments")


@dataclass(frozen=True)
class Prior:
    """The newest earlier study of the patient that can be compared."""

    study: Study
    facts: tuple[Fact, ...]
    doubtful: tuple[Fact, ...] = ()
    """Where there are no facts: what states the same quantities, one of the two not soundly."""
    time: str = ""
    """TM, where it is of the day of the study that is compared with it."""
    gone: tuple[Fact, ...] = ()
    """Volumes of a lung that was not found in the study at hand."""

    @property
    def finding_ids(self) -> tuple[str, ...]:
        facts = (*self.facts, *self.doubtful, *self.gone)
        return tuple(one.finding.finding_id for one in facts)


@dataclass(frozen=True)
class Evidence:
    study: Study
    facts: tuple[Fact, ...]
    """Of completed jobs, the newest of each series and pipeline, without what people rejected."""
    rejected: tuple[Finding, ...]
    failed_pipelines: tuple[str, ...]
    technique: tuple[SeriesTechnique, ...]
    prior: Prior | None
    indication: str
    withdrawn_pipelines: tuple[str, ...] = ()
    """Whose results were taken back because the series has changed, and are not there again."""
    void: tuple[Finding, ...] = ()
    """Totals and shares of values that people rejected or corrected; left out like those."""

    lesions: tuple[LesionCourse, ...] = ()
    """Of pipelines that follow lesions."""

    @property
    def digest(self) -> str:
        """Of the findings and the feedback on them: the same results give the same."""
        withdrawn = [f"withdrawn {one}" for one in self.withdrawn_pipelines]
        followed = [one.digest for one in self.lesions]
        return digest_of(self.facts, [*self.failed_pipelines, *withdrawn, *followed])


def _reason(finding: Finding) -> tuple[str, ...]:
    """Of a category why it is this one; of numbers the rest says all."""
    validity = finding.validity
    return () if finding.value is not None or validity is None else (validity.reason,)


def _before(finding: Finding) -> tuple[object, ...]:
    """What the text compares it with: a reader may correct that, or reject it, or it arrives."""
    prior = finding.prior
    return () if prior is None else (prior.study_instance_uid, prior.value)


def digest_of(facts: Sequence[Fact], failed_pipelines: Sequence[str]) -> str:
    stated = [
        (
            one.finding.finding_id,
            one.finding.label,
            one.value,
            one.finding.confidence,
            *((one.named,) if one.named else ()),
            *_before(one.finding),
            *one.cut_off_at,
            *(("implausible",) if one.is_implausible else ()),
            *_reason(one.finding),
            *one.finding.caveat_texts,
            *(asdict(one.finding.normal_range).values() if one.finding.normal_range else ()),
        )
        for one in facts
    ]
    kept = json.dumps([sorted(stated, key=str), sorted(failed_pipelines)])
    return hashlib.sha256(kept.encode()).hexdigest()


class EvidenceStorage(
    HasIndex,
    HasInstances,
    HasJobs,
    HasFindings,
    HasFindingFeedback,
    HasLesions,
    HasPatientStudies,
    HasWorklist,
    Protocol,
):
    """What of the storage layer the evidence of a report is read from."""


class DraftStorage(HasSettings, EvidenceStorage, HasReports, HasAnswers, Protocol):
    """What of the storage layer reports are drafted with."""


def gather(storage: EvidenceStorage, study_instance_uid: str, indication: str = "") -> Evidence:
    """Read it all. `indication` overrules the reason that the worklist states.

    Raises NotFound where there is no such study.
    """
    study = storage.index.study(study_instance_uid)
    jobs = storage.jobs.of_studies([study_instance_uid])[study_instance_uid]
    facts, rejected, void = _facts(
        storage.findings, storage.finding_feedback, study_instance_uid, jobs
    )
    facts, void = stated_once(facts, rejected, void)
    facts = _with_lesions(
        storage.jobs, storage.lesions, storage.patient_studies, study_instance_uid, facts
    )
    return Evidence(
        study=study,
        facts=facts,
        rejected=rejected,
        void=void,
        failed_pipelines=_ended(jobs, "FAILED", "CANCELLED"),
        withdrawn_pipelines=_ended(jobs, "SUPERSEDED"),
        technique=_technique(storage.index, storage.instances, study_instance_uid, facts),
        prior=_prior(storage, study_instance_uid, facts),
        lesions=_courses(storage, study_instance_uid, [one.finding for one in facts]),
        indication=" ".join(indication.split()) or _requested(storage.worklist, study),
    )


def facts_of(
    job_repository: Jobs,
    findings: Findings,
    finding_feedback: FindingFeedback,
    study_instance_uid: str,
) -> tuple[Fact, ...]:
    """What counts of a study now: of completed jobs, without what people rejected."""
    jobs = job_repository.of_studies([study_instance_uid])[study_instance_uid]
    return _facts(findings, finding_feedback, study_instance_uid, jobs)[0]


def _facts(
    finding_repository: Findings,
    finding_feedback: FindingFeedback,
    study_instance_uid: str,
    jobs: Sequence[Job],
) -> tuple[tuple[Fact, ...], tuple[Finding, ...], tuple[Finding, ...]]:
    done = {job.job_id for job in jobs if job.has_results}
    findings = [
        one for one in finding_repository.of_study(study_instance_uid) if one.job_id in done
    ]
    feedback = finding_feedback.of_findings([one.finding_id for one in findings])
    facts: list[Fact] = []
    rejected: list[Finding] = []
    void: list[Finding] = []
    taken = finding_repository.results_taken_by(done)
    without = void_findings(findings, feedback, taken)
    for finding in findings:
        last = feedback[finding.finding_id][-1] if feedback[finding.finding_id] else None
        if last is not None and last.kind == "REJECTED":
            rejected.append(finding)
        elif finding.finding_id in without:
            void.append(finding)
        elif last is None or last.kind != "CORRECTED":
            facts.append(fact_of(finding))
        elif (fact := corrected_fact(finding, last)) is not None:
            facts.append(fact)
        else:
            void.append(finding)
    return tuple(facts), tuple(rejected), tuple(void)


def _with_lesions(
    jobs: Jobs,
    lesions: Lesions,
    priors: PatientStudies,
    study_instance_uid: str,
    facts: Sequence[Fact],
) -> tuple[Fact, ...]:
    """Facts of lesions know which of the patient's lesions they are of."""
    studies = [*priors.before(study_instance_uid)[::-1], study_instance_uid]
    findings = [one.finding for one in facts]
    uids = lesion_uids(jobs, lesions, studies, findings)
    if not uids:
        return tuple(facts)
    joined = joined_in(history_of(jobs, lesions, studies), study_instance_uid)
    return tuple(
        replace(one, lesion_uid=uid, is_joined=uid in joined)
        for one in facts
        for uid in (uids.get(one.finding.finding_id, ""),)
    )


def _courses(
    storage: EvidenceStorage, study_instance_uid: str, findings: Sequence[Finding]
) -> tuple[LesionCourse, ...]:
    """With the findings of this study and of those before that the sums rest on."""
    courses = lesion_courses(
        storage.index,
        storage.jobs,
        storage.lesions,
        storage.patient_studies,
        storage.findings,
        storage.finding_feedback,
        study_instance_uid,
    )
    earlier = {study for one in courses for study in one.earlier_studies}
    before = [
        one for found in storage.findings.of_studies(sorted(earlier)).values() for one in found
    ]
    now = findings_of_lesions(storage.lesions, findings)
    then = findings_of_lesions(storage.lesions, before)

    def ids(found: Sequence[Finding], pipeline: str) -> tuple[str, ...]:
        return tuple(one.finding_id for one in found if one.pipeline == pipeline)

    return tuple(
        replace(
            one,
            finding_ids=ids(now, one.pipeline),
            prior_finding_ids=ids(
                [finding for finding in then if finding.study_instance_uid in one.earlier_studies],
                one.pipeline,
            ),
        )
        for one in courses
    )


def _ended(jobs: Sequence[Job], *statuses: JobStatus) -> tuple[str, ...]:
    """Pipelines whose newest job of a series has ended so."""
    newest: dict[tuple[str, str], Job] = {}
    for job in sorted(jobs, key=lambda one: one.created_at):
        newest[job.series_instance_uid, job.pipeline] = job
    return tuple(sorted({job.pipeline for job in newest.values() if job.status in statuses}))


def _technique(
    index: Index, instance_reader: InstanceReader, study_instance_uid: str, facts: Sequence[Fact]
) -> tuple[SeriesTechnique, ...]:
    """Of the series that were measured, in the order of their numbers."""
    measured = {one.finding.series_instance_uid for one in facts}
    found = []
    for series in index.series_of(study_instance_uid):
        if series.origin == "generated" or (
            measured and series.series_instance_uid not in measured
        ):
            continue
        instances = index.instances_of(study_instance_uid, series.series_instance_uid)
        if instances:
            uid = series.series_instance_uid
            of_series = [one.finding for one in facts if one.finding.series_instance_uid == uid]
            pipelines = tuple(sorted({one.pipeline for one in of_series}))
            technique = technique_of(instance_reader, series, instances, pipelines)
            caveats = [caveat for one in of_series for caveat in one.caveats]
            partly = any(caveat.kind == "part_of_series" for caveat in caveats)
            found.append(replace(technique, is_one_of_several_stacks=partly))
    return tuple(_distinct(sorted(found, key=lambda one: one.series_number or 0)))


def _distinct(found: Sequence[SeriesTechnique]) -> Iterator[SeriesTechnique]:
    """With the place among those of the same number: two devices may have counted the series."""
    counts = Counter(one.series_number for one in found)
    seen: Counter[int | None] = Counter()
    for one in found:
        seen[one.series_number] += 1
        count = counts[one.series_number]
        place = f"{seen[one.series_number]}/{count}" if count > 1 else ""
        yield replace(one, among_namesakes=place)


def _prior(
    storage: EvidenceStorage, study_instance_uid: str, facts: Sequence[Fact]
) -> Prior | None:
    now = {one.key: one.finding for one in facts if one.is_comparable}
    own_date = storage.index.study(study_instance_uid).study_date
    stated = {one.key for one in facts if one.finding.image is None}
    missing = missing_lungs([one.finding for one in facts])
    beside: Prior | None = None
    for earlier in storage.patient_studies.before(study_instance_uid):
        counting = facts_of(storage.jobs, storage.findings, storage.finding_feedback, earlier)
        found = _with_lesions(
            storage.jobs, storage.lesions, storage.patient_studies, earlier, counting
        )
        comparable = tuple(one for one in found if one.key in now and one.is_comparable)
        doubtful = tuple(one for one in found if one.key in stated and one.finding.image is None)
        if not comparable and not doubtful:
            continue
        gone = tuple(one for one in found if one.is_sound and is_of_lung(one, missing))
        study = storage.index.study(earlier)
        time = time_beside(study.study_date, study.study_time, own_date)
        sides = [
            sides_contradict(laterality_of(one.finding), laterality_of(now[one.key]))
            for one in comparable
        ]
        if comparable and not all(sides):
            return Prior(study, comparable, time=time, gone=gone)
        if beside is None:
            beside = Prior(study, comparable, () if comparable else doubtful, time, gone)
    return beside


def _requested(worklist: Worklist, study: Study) -> str:
    """The reason for the examination, from the order that fits the study."""
    for item in worklist.of_study(study.study_instance_uid, study.accession_number):
        for keyword in _INDICATION:
            reason = " ".join(str(item.attributes.get(keyword) or "").split())
            if reason:
                return reason
    return ""
