"""Which result of another pipeline fills the role of a pipeline that takes one."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from inference.input_selection.input_candidates import Chosen
from inference.pipeline import NamedInput, ResultWanted
from storage.core.caveats import OF_EARLIER_STUDY, Caveat
from storage.core.entities import OPEN_STATES, Job, JobInput, Series
from storage.core.findings import Finding, SegmentRef
from storage.findings.repository import Findings
from storage.index.repository import Index
from storage.jobs.acceptance_decisions import AcceptanceDecisions
from storage.jobs.repository import Jobs
from storage.jobs.upstream import newest_result, result_fingerprint

_REASONS_AT_MOST = 3


@dataclass(frozen=True)
class StudyResults:
    """Where the results of a study, and why there are none, are looked up."""

    jobs: Jobs
    findings: Findings
    acceptance_decisions: AcceptanceDecisions


@dataclass(frozen=True)
class ChosenResult:
    """What a job found, in a role; `segments` are the parts of its Segmentation that are meant,
    none where findings are. `left_out`: labels of findings that are not sound."""

    role: NamedInput
    job: Job
    series: Series
    segments: tuple[SegmentRef, ...]
    findings: tuple[Finding, ...]
    left_out: tuple[str, ...] = ()

    @property
    def input(self) -> JobInput:
        return JobInput(
            self.role.name,
            self.segments[0].series_instance_uid if self.segments else self.job.series_instance_uid,
            result_fingerprint(self.job),
            self.job.study_instance_uid,
            self.job.job_id,
        )

    @property
    def name(self) -> str:
        return f"{self.job.pipeline} {self.job.pipeline_version} on {_named(self.series)}"

    @property
    def caveats(self) -> tuple[Caveat, ...]:
        """What a reader must know of it, but for what its own comparison with others says."""
        found = (caveat for one in self.findings for caveat in one.caveats)
        return tuple(one for one in dict.fromkeys(found) if one.kind not in OF_EARLIER_STUDY)


@dataclass(frozen=True)
class ChosenResults:
    """By role what was chosen; why nothing was; and for what is waited, whether required or not."""

    chosen: Mapping[str, ChosenResult] = field(default_factory=dict)
    why_none: Mapping[str, str] = field(default_factory=dict)
    awaited: frozenset[str] = frozenset()


def choose_results(
    results: StudyResults,
    index: Index,
    pipeline: str,
    roles: Sequence[NamedInput],
    reference: Chosen,
    only: Mapping[str, JobInput] | None = None,
) -> ChosenResults:
    """Fill each role with what another pipeline found, on the reference's own series before others
    of its Frame of Reference.

    `only`: as in `choose_inputs`. A result counts as long as it is not withdrawn, and of several
    on one series the newest; one that comes is waited for. Truncated and implausible ones are none.
    """
    study_instance_uid = reference.candidate.series.study_instance_uid
    roles = [one for one in roles if only is None or one.name in only]
    if not roles:
        return ChosenResults()
    search = _Search(results, index, pipeline, reference, study_instance_uid)
    chosen: dict[str, ChosenResult] = {}
    why_none: dict[str, str] = {}
    awaited = set()
    for role in roles:
        found = search.of_role(role)
        taken = None if only is None else only[role.name]
        if isinstance(found, ChosenResult) and (taken is None or found.input == taken):
            chosen[role.name] = found
        elif isinstance(found, ChosenResult):
            why_none[role.name] = f"{role.title} is another result than the job was made for."
        else:
            why_none[role.name] = found.sentence
            awaited |= {role.name} if found.comes else set()
    return ChosenResults(chosen, why_none, frozenset(awaited))


@dataclass(frozen=True)
class _None:
    sentence: str
    comes: bool = False


class _Search:
    def __init__(
        self,
        results: StudyResults,
        index: Index,
        pipeline: str,
        reference: Chosen,
        study_instance_uid: str,
    ) -> None:
        self._results = results
        self._pipeline = pipeline
        self._reference = reference
        self._series = {one.series_instance_uid: one for one in index.series_of(study_instance_uid)}
        self._study_instance_uid = study_instance_uid
        self._jobs: dict[tuple[str, str], list[Job]] = defaultdict(list)
        for job in results.jobs.of_studies([study_instance_uid])[study_instance_uid]:
            if job.ending != "superseded" and job.series_instance_uid in self._series:
                self._jobs[job.pipeline, job.series_instance_uid].append(job)

    def of_role(self, role: NamedInput) -> ChosenResult | _None:
        wanted = role.result_of or ResultWanted()
        reasons = []
        keys = [
            (pipeline, uid)
            for pipeline, uid in self._jobs
            if pipeline != self._pipeline and wanted.pipeline in ("", pipeline)
        ]
        for key in sorted(keys, key=self._preferred):
            found = self._of_series(role, wanted, self._jobs[key], self._series[key[1]])
            # A better one that comes is waited for, rather than another taken in its place.
            if isinstance(found, ChosenResult) or found.comes:
                return found
            if found.sentence:
                reasons.append(found.sentence)
        return _None(self._why_none(role, wanted, reasons))

    def _preferred(self, key: tuple[str, str]) -> tuple[bool, int, str, str]:
        series = self._series[key[1]]
        return (
            not self._is_of_reference(series),
            series.series_number or 0,
            series.series_instance_uid,
            key[0],
        )

    def _is_of_reference(self, series: Series) -> bool:
        return series.series_instance_uid == self._reference.candidate.series.series_instance_uid

    def _of_series(
        self, role: NamedInput, wanted: ResultWanted, jobs: Sequence[Job], series: Series
    ) -> ChosenResult | _None:
        """By the jobs of one pipeline on one series."""
        newest = max(jobs, key=lambda one: (one.created_at, one.job_id))
        result = newest_result(jobs)
        named = f"{newest.pipeline} on {_named(series)}"
        frame_of_reference_uid = self._reference.frame_of_reference_uid
        is_elsewhere = not self._is_of_reference(series) and (
            not frame_of_reference_uid or series.frame_of_reference_uid != frame_of_reference_uid
        )
        if is_elsewhere and wanted.form == "mask":
            return _None(
                f"{named} lies in another Frame of Reference than {self._reference.candidate.name}."
            )
        if not wanted.pipeline and self._took_results(newest):
            return _None("")
        is_open = newest.state in OPEN_STATES and not newest.has_results
        if is_open and (wanted.pipeline or result is not None):
            return _None(f"Waits for {role.title}: {named} has not ended yet.", comes=True)
        if result is None:
            if newest.state in OPEN_STATES:
                return _None("")  # what it will find, nobody knows
            ended = "was cancelled" if newest.ending == "cancelled" else "failed"
            return _None(f"{named} {ended}: {newest.reason}")
        return self._found(role, wanted, result, series, named)

    def _took_results(self, job: Job) -> bool:
        return any(one.upstream_job_id for one in self._results.jobs.inputs_of(job.job_id))

    def _found(
        self, role: NamedInput, wanted: ResultWanted, job: Job, series: Series, named: str
    ) -> ChosenResult | _None:
        stated = self._results.findings.of_job(job.job_id)
        if wanted.form != "mask":
            sound = tuple(one for one in stated if one.is_sound)
            left_out = tuple(one.label for one in stated if not one.is_sound)
            if not sound:
                why = f": not sound are {', '.join(left_out[:3])}" if left_out else ""
                return _None(f"{named} found nothing that can be given on{why}.")
            return ChosenResult(role, job, series, (), sound, left_out)
        findings = [
            one
            for one in stated
            if one.segmentation is not None and _is_wanted(one.segmentation, wanted)
        ]
        if not findings:
            if not wanted.pipeline:
                return _None("")
            of_what = "none of what is wanted" if wanted.segments else "no structure"
            return _None(f"{named} found {of_what}.")
        for one in findings if wanted.only_sound else ():
            if one.validity is not None and not one.is_sound:
                return _None(
                    f"{one.label} by {named} is {one.validity.state}: {one.validity.reason}"
                )
        segments = {
            (one.segmentation.sop_instance_uid, one.segmentation.segment_number): one.segmentation
            for one in findings
            if one.segmentation is not None
        }
        ordered = tuple(segments[key] for key in sorted(segments))
        return ChosenResult(role, job, series, ordered, tuple(findings))

    def _why_none(self, role: NamedInput, wanted: ResultWanted, reasons: Sequence[str]) -> str:
        begins = f"There is no {role.title}, a result of {wanted.pipeline or 'another pipeline'}"
        if reasons:
            return f"{begins}. {' '.join(reasons[:_REASONS_AT_MOST])}"
        if not wanted.pipeline:
            codes = ", ".join(f"{value} ({scheme})" for value, scheme in wanted.segments)
            return f"{begins}: none in the study has segments of {codes}."
        decisions = self._results.acceptance_decisions.of_study(self._study_instance_uid)
        refused = [
            f"{_named(self._series[one.series_instance_uid])}: {one.reason}"
            for one in decisions
            if one.pipeline == wanted.pipeline
            and not one.accepted
            and one.series_instance_uid in self._series
        ]
        if refused:
            return f"{begins}, which does not run. {' '.join(refused[:_REASONS_AT_MOST])}"
        return f"{begins}, which was not asked: this node has no pipeline of that name."


def _is_wanted(segment: SegmentRef, wanted: ResultWanted) -> bool:
    if not wanted.segments:
        return True
    code = segment.type
    return code is not None and (code.value, code.scheme_designator) in wanted.segments


def _named(series: Series) -> str:
    number = series.series_number
    return f"series {'without a number' if number is None else number}"
