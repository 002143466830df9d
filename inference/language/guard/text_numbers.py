"""Whether a source text says the numbers and dates of a clause."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from inference.language.guard.clauses import Clause
from inference.language.guard.dates import dicom_date
from inference.language.guard.evidence import StudyFacts
from inference.language.guard.quantities import LARGEST_ROUNDING, Quantity
from inference.language.guard.reading import Reading
from inference.language.guard.scope import negated_quantity
from inference.language.guard.sources import SourceClause
from inference.language.guard.verdict import Ground, Reason


def missing_numbers(clause: Clause, reading: Reading, source: SourceClause) -> Iterable[Reason]:
    """Numbers of the clause that the source does not say, or not in this unit."""
    theirs = [
        one for one in source.clause.quantities if not negated_quantity(source.reading, one.at)
    ]
    said = clause.quantities
    if len(said) > 1 and _whole_group(said, theirs):
        return
    for one in said:
        if negated_quantity(reading, one.at):
            yield Reason(Ground.NEGATION, "It denies a number.")
        elif not any(_same_number(one, other, theirs) for other in theirs):
            near = [other for other in theirs if other.unit.dimension == one.unit.dimension]
            ground = Ground.NUMBER if near or not theirs else Ground.UNIT
            yield Reason(ground, f"The number {one.value:g} is not in the evidence in this unit.")


def _whole_group(said: Sequence[Quantity], theirs: Sequence[Quantity]) -> bool:
    """Whether all numbers are said again in their order."""
    return len(said) <= len(theirs) and any(
        all(_agrees(one, other) for one, other in zip(said, theirs[start:], strict=False))
        for start in range(len(theirs) - len(said) + 1)
    )


def _same_number(one: Quantity, other: Quantity, theirs: Sequence[Quantity]) -> bool:
    if not _agrees(one, other):
        return False
    group = [each for each in theirs if each.group >= 0 and each.group == other.group]
    # Of several extents, one alone may be said where it is the largest.
    return not group or max(each.value * each.unit.factor for each in group) == (
        other.value * other.unit.factor
    )


def _agrees(one: Quantity, other: Quantity) -> bool:
    comparator = "" if one.comparator == "<=" and other.group >= 0 else one.comparator
    if (comparator, one.ranged) != (other.comparator, other.ranged):
        return False
    if one.unit.dimension in ("1", "year"):
        return one.unit.dimension == other.unit.dimension and one.value == other.value
    off = abs(other.value * other.unit.factor / one.unit.factor - one.value)
    meant = abs(other.value * other.unit.factor / one.unit.factor)
    same = one.unit.dimension == other.unit.dimension
    return same and off <= 0.5 * 10.0**-one.decimals + 1e-9 and off <= LARGEST_ROUNDING * meant


def missing_dates(clause: Clause, source: SourceClause, study: StudyFacts) -> Iterable[Reason]:
    """Dates of the clause that are neither the source's nor of the study."""
    known = [*source.clause.dates]
    for text in (study.study_date, source.prior_date):
        found = dicom_date(text)
        if found is not None:
            known.append(found)
    for one in clause.dates:
        if not any(one.agrees(other) for other in known):
            yield Reason(Ground.TIME, "The date is not in the evidence.")
