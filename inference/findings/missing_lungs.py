"""Which lung a pipeline looked for and did not find, by the caveats of the other one."""

from collections.abc import Iterable

from inference.findings.facts import Fact
from storage.core.findings import Finding

_SIDES = {"no_left_lung": "left", "no_right_lung": "right"}

MissingLungs = frozenset[tuple[str, str]]
"""Pipeline and side."""


def missing_lungs(findings: Iterable[Finding]) -> MissingLungs:
    """Of all findings of a study or of a job."""
    return frozenset(
        (one.pipeline, _SIDES[caveat.kind])
        for one in findings
        for caveat in one.caveats
        if caveat.kind in _SIDES
    )


def is_of_lung(fact: Fact, missing: MissingLungs) -> bool:
    """Whether an earlier fact is the volume of such a lung."""
    return (
        (fact.structure, fact.measure) == ("lung", "volume")
        and fact.value is not None
        and (fact.finding.pipeline, fact.side) in missing
    )
