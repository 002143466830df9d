"""How a measure moved since a prior, and which number of a sentence is which."""

from __future__ import annotations

from inference.language.guard.numbers.dates import FoundDate
from inference.language.guard.numbers.quantities import Quantity
from inference.language.guard.numbers.units import PERCENT, POINTS, Unit
from inference.language.guard.reading import Reading
from inference.language.guard.subjects import Prior

UNCHANGED_WITHIN_PERCENT = 1.0
CHANGED_BEYOND_PERCENT = 3.0
"""Of what has no limit of its own: what lies between may be stated with its amount alone, since
it may be noise, and may be none."""
_OF_VARIATION = frozenset(("measurement", "messungenauigkeit"))
_BEFORE_PRIOR = frozenset(
    "previously previous prior from earlier voruntersuchung voraufnahme formerly zuvor vorher vs"
    " versus gegenüber than gegen".split()
)
_BEFORE_CHANGE = frozenset(("by", "um"))
_AFTER_PRIOR = frozenset("previously previous prior earlier zuvor vorher voruntersuchung".split())
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
    if _previously_behind(reading, one):
        return True
    return any(
        _is_date_of(reading, one, at)
        for at, found in reading.dates
        if study_date is None or not found.agrees(study_date)
    )


def _previously_behind(reading: Reading, one: Quantity) -> bool:
    """`3.2 mL previously`, `3.2 mL at the prior examination`"""
    behind = list(reading.pieces[one.end : one.end + 4])
    while behind and behind[0] in ("at", "in", "on", "the", "bei", "der"):
        behind.pop(0)
    followed = any(one.at < other.at <= one.end + 2 for other in reading.quantities)
    return bool(behind) and behind[0] in _AFTER_PRIOR and not followed


def _is_date_of(reading: Reading, one: Quantity, at: int) -> bool:
    """Whether a date at this piece is that of the number: behind it, or before it as its label."""
    if at >= one.end:
        between = reading.pieces[one.end : at]
        is_label = reading.pieces[at : at + 1] == (":",)
        return len(between) <= 2 and set(between) <= _BEFORE_ITS_DATE and not is_label
    if set(reading.pieces[at : one.at]) <= {":", ")"}:
        return reading.pieces[at : at + 1] == (":",)
    # `On 14 September the volume was 3.2 mL`
    leads = at > 0 and reading.pieces[at - 1] in ("on", "am", "in") and at <= 2
    other = any(at <= each.at < one.at for each in reading.quantities)
    return leads and not other and not {"than", "als"} & set(reading.pieces[:at])


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
    if reading.pieces[max(one.at - 1, 0) : one.at] in (("to",), ("auf",), ("at",), ("now",)):
        return False
    if one.unit == PERCENT and before[-1:] == ["("] and _follows_change(reading, one):
        return True
    changes = [word for word in reading.words if word.entry.category == "change"]
    if any(
        word.end == one.at or (one.at - word.end == 1 and _of(reading, word.end))
        for word in changes
    ):
        return True
    follows = any(one.end <= word.at <= one.end + 1 for word in changes)
    return follows or (one.signed and one.unit == PERCENT)


def _follows_change(reading: Reading, one: Quantity) -> bool:
    """`by 1.2 mL (7.6%)`"""
    before = [other for other in reading.quantities if other.at < one.at]
    return bool(before) and before[-1].end == one.at - 1 and is_change(reading, before[-1])


def is_variation(reading: Reading, one: Quantity) -> bool:
    """`Not changed beyond the variation of the measurement (3.0%)`"""
    before = reading.pieces[max(one.at - 2, 0) : one.at]
    return len(before) == 2 and before[1] == "(" and before[0] in _OF_VARIATION


def says_variation(one: Quantity, prior: Prior, unit: Unit) -> bool:
    """Whether a number is the limit below which the value has not changed."""
    limit = prior.variation
    if limit is None:
        return False
    if limit.percent is not None:
        return one.says(limit.percent, PERCENT)
    return one.says(limit.amount, POINTS if unit == PERCENT else unit)


def _of(reading: Reading, at: int) -> bool:
    return reading.pieces[at : at + 1] in (("of",), ("von",))


def moved(prior: Prior, value: float) -> tuple[float, float]:
    """The difference, and the same in percent of the prior."""
    difference = value - prior.value
    percent = difference / abs(prior.value) * 100.0 if prior.value else float("inf")
    return difference, percent


def moved_toward(prior: Prior, value: float, amount_stated: bool) -> frozenset[int]:
    """The directions that may be stated: +1, -1 or 0."""
    difference, percent = moved(prior, value)
    directions = set()
    if prior.variation is not None:
        if prior.variation.covers(value, prior.value):
            return frozenset((0,))
        return frozenset((1 if difference > 0 else -1,))
    if abs(percent) <= UNCHANGED_WITHIN_PERCENT:
        directions.add(0)
    if difference and (amount_stated or abs(percent) > CHANGED_BEYOND_PERCENT):
        directions.add(1 if difference > 0 else -1)
    return frozenset(directions)


def says_amount(one: Quantity, prior: Prior, value: float, unit: Unit) -> bool:
    """Whether a number is the amount by which the value moved, its sign left to the words."""
    difference, percent = moved(prior, value)
    if prior.variation is not None and prior.variation.covers(value, prior.value):
        return False
    meant = percent
    if one.unit != PERCENT or unit == PERCENT:
        if one.unit.dimension != unit.dimension:
            return False
        meant = difference * unit.factor / one.unit.factor
    if not one.signed:
        meant = abs(meant)
    # Of a value in percent, a change in percent could be points or parts: points are meant.
    return abs(meant - one.value) <= 0.5 * 10.0**-one.decimals + 1e-9
