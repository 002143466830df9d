"""Values that were computed from other values: what becomes of them when a person rejects one."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from inference.findings.facts import Fact, fact_of
from inference.findings.standing import StandingFinding, standing_findings
from storage.core.findings import Feedback, Finding
from storage.findings.feedback import FindingFeedback
from storage.findings.repository import Findings

_WHOLE_BRAIN = ("brain", "brain mask")
_NUMBER = re.compile(r" \d+(?= [^\d]*$)|, others(?= )")
"""By which the findings of one lesion, or of what stays together, differ from the total."""
_NEVER = datetime.min.replace(tzinfo=UTC)
_SEGMENT = re.compile(r" \(segment \d+\)$")


def void_findings(
    findings: Sequence[Finding],
    feedback: Mapping[str, Sequence[Feedback]],
    taken: Mapping[str, Collection[str]],
) -> frozenset[str]:
    """Ids of totals, shares and categories that hold what a person rejected or corrected.

    The total of both lungs is wrong where the volume of one is, and that of all lesions where one
    of them is, and so is a category by rule; it counts again once a person has given its own value
    or accepted it. `feedback` is that of each finding, by its id, the oldest first; `taken`: by
    job, the jobs whose results it took.
    """
    last = {one: given[-1] for one, given in feedback.items() if given}
    touched = {
        one
        for one, word in last.items()
        if word.kind == "REJECTED" or (word.kind == "CORRECTED" and word.value is not None)
    }
    if not touched:
        return frozenset()
    accepted = {one: word.given_at for one, word in last.items() if word.kind == "ACCEPTED"}
    facts = [fact_of(one) for one in findings]
    return frozenset(
        fact.finding.finding_id
        for fact in facts
        if fact.finding.finding_id not in touched
        and any(part.finding.finding_id in touched for part in _parts(fact, facts))
    ) | {
        one.finding_id
        for one in findings
        if one.finding_id not in touched
        and any(
            # Who has accepted it since knew of that.
            part.finding_id in touched
            and not last[part.finding_id].given_at <= accepted.get(one.finding_id, _NEVER)
            for part in _rests_on(one, findings, taken)
        )
    }


def void_among(
    findings: Findings,
    finding_feedback: FindingFeedback,
    asked: Sequence[Finding],
    at: datetime | None = None,
) -> frozenset[str]:
    """Those of the findings asked for that are void; the rest of their jobs is read beside them.

    `at`: by what people had stated until then.
    """
    taken = findings.results_taken_by({one.job_id for one in asked if _is_category(one)})
    jobs = {one.job_id for one in asked if _may_have_parts(fact_of(one))}.union(
        taken, *taken.values()
    )
    beside = [one for job in sorted(jobs) for one in findings.of_job(job)]
    if not beside:
        return frozenset()
    feedback = given_until(finding_feedback.of_findings([one.finding_id for one in beside]), at)
    return void_findings(beside, feedback, taken) & {one.finding_id for one in asked}


def given_until(
    feedback: Mapping[str, Sequence[Feedback]], at: datetime | None
) -> dict[str, list[Feedback]]:
    """Without what was stated after `at`; all of it where that is None."""
    return {
        finding_id: [one for one in words if at is None or one.given_at <= at]
        for finding_id, words in feedback.items()
    }


def standing_among(
    findings: Findings,
    finding_feedback: FindingFeedback,
    asked: Sequence[Finding],
    at: datetime | None = None,
) -> dict[str, StandingFinding]:
    """What of these findings stands, by id; `at`: as it stood then."""
    feedback = given_until(finding_feedback.of_findings([one.finding_id for one in asked]), at)
    return standing_findings(asked, feedback, void_among(findings, finding_feedback, asked, at))


def sound_findings(
    findings: Sequence[Finding],
    feedback: Mapping[str, Sequence[Feedback]],
    taken: Mapping[str, Collection[str]],
) -> Iterator[Finding]:
    """Those on which a sentence may rest: without what was rejected, is void or of a part, and with
    the values that people gave. `feedback` and `taken` as for `void_findings`."""
    void = void_findings(findings, feedback, taken)
    standing = standing_findings(findings, feedback, void)
    for finding in findings:
        one = standing[finding.finding_id]
        if one.counts and one.finding.is_sound:
            # What a classifier has answered stays its answer.
            yield finding if finding.value is None else one.finding


def _is_category(finding: Finding) -> bool:
    """By rule: a classifier that answers states how sure it is."""
    return finding.value is None and finding.confidence is None


def _rests_on(
    category: Finding, findings: Sequence[Finding], taken: Mapping[str, Collection[str]]
) -> Iterator[Finding]:
    """The findings of the lesions that a category by rule is of: of one where it names that."""
    jobs = taken.get(category.job_id, ()) if _is_category(category) else ()
    subject = category.label.rpartition(": ")[0].partition(", ")
    lesion = _SEGMENT.sub("", subject[0]) if subject[1] else ""
    for one in findings:
        is_lesion = one.segmentation is not None and not one.segmentation.shows_anatomy
        if one.job_id in jobs and is_lesion and (not lesion or one.label.startswith(f"{lesion} ")):
            yield one


def _may_have_parts(fact: Fact) -> bool:
    return bool(fact.finding.total_of) or fact.side == "both" or fact.measure == "share"


def _parts(fact: Fact, facts: Sequence[Fact]) -> Iterator[Fact]:
    """What a value was computed from, among what the same job measured."""
    if fact.finding.total_of:
        yield from _lesions_of(fact, facts)
        return
    for other in facts:
        if other.finding.job_id != fact.finding.job_id:
            continue
        same = other.structure == fact.structure
        if fact.side == "both":
            if same and other.side in ("left", "right") and other.measure == fact.measure:
                yield other
            continue
        of_share = fact.measure == "share" and other.measure == "volume"
        if of_share and (other.structure in _WHOLE_BRAIN or (same and other.side == fact.side)):
            yield other


def _lesions_of(total: Fact, facts: Sequence[Fact]) -> list[Fact]:
    """The lesions of a total: the same measure of each. Where names do not tell which of the job's
    lesions they are, or none has that measure, all that may be."""
    lesions = [
        one
        for one in facts
        if one.finding.job_id == total.finding.job_id
        and one.finding.segmentation is not None
        and not one.finding.segmentation.shows_anatomy
    ]
    alike = [one for one in lesions if one.finding.code == total.finding.code] or lesions
    name = total.finding.quantity_label
    return [one for one in alike if _NUMBER.sub("", one.finding.label) == name] or alike
