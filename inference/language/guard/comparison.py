"""How a measure moved since a prior, and which number of a sentence is which."""

from __future__ import annotations

from inference.language.guard.dates import FoundDate
from inference.language.guard.quantities import Quantity
from inference.language.guard.reading import Reading
from inference.language.guard.subjects import Prior
from inference.language.guard.units import PERCENT, Unit

UNCHANGED_WITHIN_PERCENT = 1.0
CHANGED_BEYOND_PERCENT = 3.0
"""What lies between may be said with its amount alone: it may be noise, and may be none."""
_BEFORE_PRIOR = frozenset(
    "previously previous prior from before earlier formerly zuvor vorher vs versus gegenüber"
    " than gegen".split()
)
_BEFORE_CHANGE = frozenset(("by", "um"))
_BETWEEN = frozenset(
    "was were volume of with a the at approximately about ca . : ( measuring".split()
)
_BEFORE_ITS_DATE = frozenset("on ( at from in am vom im of dated".split())


def is_of_prior(reading: Reading, one: Quantity, study_date: FoundDate | None) -> bool:
    """Whether the words around a number say that it was measured before."""
    for at in range(one.at - 1, max(one.at - 5, -1), -1):
        piece = reading.pieces[at]
        if piece in _BEFORE_PRIOR or (piece == "von" and _leads_to(reading, one)):
            return True
        if piece not in _BETWEEN:
            break
    for at, found in reading.dates:
        between = reading.pieces[one.end : at]
        near = one.end <= at and len(between) <= 2 and set(between) <= _BEFORE_ITS_DATE
        if near and (study_date is None or not found.agrees(study_date)):
            return True
    return False


def _leads_to(reading: Reading, one: Quantity) -> bool:
    """`von 3,2 auf 3,4 ml`"""
    return reading.pieces[one.end : one.end + 1] == ("auf",) and any(
        other.at == one.end + 1 for other in reading.quantities
    )


def is_change(reading: Reading, one: Quantity) -> bool:
    """Whether the words around a number say that it is a difference."""
    before = [piece for piece in reading.pieces[max(one.at - 3, 0) : one.at] if piece not in "~+-"]
    if before and before[-1] in _BEFORE_CHANGE:
        return True
    if (
        len(before) > 1
        and before[-1] in ("about", "approximately", "ca")
        and before[-2] in (_BEFORE_CHANGE)
    ):
        return True
    changes = [word for word in reading.words if word.entry.category == "change"]
    if any(
        word.end <= one.at and one.at - word.end <= 1 and _of(reading, word.end) for word in changes
    ):
        return True
    follows = any(one.end <= word.at <= one.end + 1 for word in changes)
    return follows or (one.signed and one.unit == PERCENT)


def _of(reading: Reading, at: int) -> bool:
    return reading.pieces[at : at + 1] in (("of",), ("von",))


def moved(prior: Prior, value: float) -> tuple[float, float]:
    """The difference, and the same in percent of the prior."""
    difference = value - prior.value
    percent = difference / abs(prior.value) * 100.0 if prior.value else float("inf")
    return difference, percent


def moved_toward(prior: Prior, value: float, amount_said: bool) -> frozenset[int]:
    """The directions that may be said: +1, -1 or 0."""
    difference, percent = moved(prior, value)
    directions = set()
    if abs(percent) <= UNCHANGED_WITHIN_PERCENT:
        directions.add(0)
    if difference and (amount_said or abs(percent) > CHANGED_BEYOND_PERCENT):
        directions.add(1 if difference > 0 else -1)
    return frozenset(directions)


def says_amount(one: Quantity, prior: Prior, value: float, unit: Unit) -> bool:
    """Whether a number is the amount by which the value moved, its sign left to the words."""
    difference, percent = moved(prior, value)
    meant = percent
    if one.unit != PERCENT or unit == PERCENT:
        if one.unit.dimension != unit.dimension:
            return False
        meant = difference * unit.factor / one.unit.factor
    if not one.signed:
        meant = abs(meant)
    # Of a value in percent, a change in percent could be points or parts: points are meant.
    return abs(meant - one.value) <= 0.5 * 10.0**-one.decimals + 1e-9
