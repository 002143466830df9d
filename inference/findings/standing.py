"""Which value of a finding stands: the software's, or the one that a reader gave.

Every form in which a finding leaves the node asks here (text of reports aside, which has `Fact`),
so that none states as a number what a reader has refused.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from inference.findings.corrections import corrected_fact
from storage.core.findings import Feedback, Finding, NormalRange


@dataclass(frozen=True)
class StandingFinding:
    """A finding by the last word on it, in its own unit."""

    finding: Finding
    """With the value and the name that stand. Of a corrected one without what was computed of the
    software's value (validity, prior, interval, curve, place in a population)."""
    counts: bool = True
    """False of what was rejected, rests on that, or was corrected in a unit of another quantity."""
    corrected_by: str = ""
    """Who gave the value; empty where it is the software's."""
    measured_value: float | None = None
    """Of a corrected one: what the software had measured."""
    normal_range: NormalRange | None = None
    """The limits that the value is read beside; of a corrected one without its percentile."""

    @property
    def value(self) -> float | None:
        """None as well of what does not count."""
        return self.finding.value if self.counts else None


def standing_finding(
    finding: Finding, feedback: Sequence[Feedback] = (), *, is_void: bool = False
) -> StandingFinding:
    """`feedback`: on it, the oldest first. `is_void`: a total, share or category that holds what
    counts no more (`inference.findings.derived`)."""
    word = feedback[-1] if feedback else None
    as_made = StandingFinding(finding, not is_void, normal_range=finding.normal_range)
    if word is None or word.kind == "ACCEPTED":
        return as_made
    if word.kind == "REJECTED":
        return replace(as_made, counts=False)
    named = replace(finding, label=word.label or finding.label)
    if word.value is None:
        return replace(as_made, finding=named)
    fact = corrected_fact(finding, word)
    if fact is None:
        return replace(as_made, counts=False)
    normal = finding.normal_range
    return StandingFinding(
        finding=replace(
            named,
            value=fact.value,
            validity=None,
            prior=None,
            normal_range=None,
            value_interval=None,
            curve=None,
        ),
        corrected_by=word.given_by,
        measured_value=finding.value,
        normal_range=None if normal is None else replace(normal, percentile=None, z_score=None),
    )


def standing_findings(
    findings: Sequence[Finding],
    feedback: Mapping[str, Sequence[Feedback]],
    void: Collection[str] = (),
) -> dict[str, StandingFinding]:
    """By id, in their order. `void`: ids of those that hold what counts no more."""
    return {
        one.finding_id: standing_finding(
            one, feedback.get(one.finding_id, ()), is_void=one.finding_id in void
        )
        for one in findings
    }
