"""What several pipelines measure alike, such as the intracranial volume, is stated once."""

import math
from collections.abc import Sequence

from inference.findings.facts import Fact, fact_of
from storage.core.findings import Finding

_SAME_BY_ALL = frozenset({("intracranial", "volume")})
"""Structure and measure: those of which pipelines of this node use the same mask (deepbet's)."""


def stated_once(
    facts: Sequence[Fact], rejected: Sequence[Finding], void: Sequence[Finding]
) -> tuple[tuple[Fact, ...], tuple[Finding, ...]]:
    """Of what two pipelines measure alike in one series one value, and what is void then.

    A reader's word on one of them is on what is measured, and so on all. Else the one that is
    compared with an earlier study stands, or the first; values that differ all stay.
    """
    refused = {_meaning(fact_of(one)) for one in rejected} - {None}
    of_meaning: dict[tuple[str, str], list[Fact]] = {}
    for fact in facts:
        meaning = _meaning(fact)
        if meaning is not None:
            of_meaning.setdefault(meaning, []).append(fact)
    left_out: set[str] = set()
    for meaning, members in of_meaning.items():
        corrected = [one for one in members if one.corrected_by]
        if meaning in refused and not corrected:
            void = (*void, *(one.finding for one in members))
            left_out.update(one.finding.finding_id for one in members)
            continue
        if len(members) > 1 and (corrected or all(_is_like(one, members[0]) for one in members)):
            compared = [one for one in members if one.finding.prior is not None]
            kept = (*corrected, *compared, *members)[0]
            left_out.update(one.finding.finding_id for one in members if one is not kept)
    return tuple(one for one in facts if one.finding.finding_id not in left_out), tuple(void)


def _meaning(fact: Fact) -> tuple[str, str] | None:
    """The series and what is measured of it, where that is the same by whatever pipeline."""
    if (fact.structure, fact.measure) not in _SAME_BY_ALL:
        return None
    return fact.finding.series_instance_uid, fact.structure


def _is_like(one: Fact, other: Fact) -> bool:
    if one.finding.unit != other.finding.unit or one.is_sound != other.is_sound:
        return False
    if one.value is None or other.value is None:
        return one.value is other.value
    return math.isclose(one.value, other.value, rel_tol=1e-6)
