"""Values that were computed from other values: what becomes of them when a person rejects one."""

from collections.abc import Iterator, Mapping, Sequence

from inference.findings.facts import Fact, fact_of
from storage.core.findings import Feedback, Finding

_WHOLE_BRAIN = ("brain", "brain mask")


def void_findings(
    findings: Sequence[Finding], feedback: Mapping[str, Sequence[Feedback]]
) -> frozenset[str]:
    """Ids of totals and shares that hold a value which a person rejected or corrected.

    The total of both lungs is wrong where the volume of one is; it counts again once a person
    has given its own value. `feedback` is that of each finding, by its id, the oldest first.
    """
    last = {one: given[-1] for one, given in feedback.items() if given}
    touched = {
        one
        for one, word in last.items()
        if word.kind == "REJECTED" or (word.kind == "CORRECTED" and word.value is not None)
    }
    if not touched:
        return frozenset()
    facts = [fact_of(one) for one in findings]
    return frozenset(
        fact.finding.finding_id
        for fact in facts
        if fact.finding.finding_id not in touched
        and any(part.finding.finding_id in touched for part in _parts(fact, facts))
    )


def _parts(fact: Fact, facts: Sequence[Fact]) -> Iterator[Fact]:
    """What a value was computed from, among what the same job measured."""
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
