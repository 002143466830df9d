"""Whether the findings bear out the assertions of a sentence about measures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from inference.language.guard.assertions.assertion import EXTENT, PRESENT, Assertion, Extent, Place
from inference.language.guard.assertions.reading.parse import Parsed
from inference.language.guard.measures.change_since_prior import moved_toward, says_amount
from inference.language.guard.numbers.dates import FoundDate
from inference.language.guard.subjects import CONFIDENCE, Prior, Subject

_TOWARD = {"increased": 1, "decreased": -1, "stable": 0}
_KINDS = frozenset(("density", "laa950", "percentile15", "share", "volume"))


def borne_out(
    parsed: Parsed, subjects: Sequence[Subject], study_date: FoundDate | None
) -> tuple[str, ...]:
    """The findings that say all of the sentence; none where they do not."""
    if parsed.not_understood or not parsed.assertions:
        return ()
    found: list[str] = []
    for claim in parsed.assertions:
        if not _is_measure(claim):
            return ()
        ids = (
            _compared(claim, subjects)
            if claim.than is not None
            else _measured(claim, subjects, study_date)
        )
        if not ids:
            return ()
        found += ids
    return tuple(dict.fromkeys(found))


def _is_measure(claim: Assertion) -> bool:
    plain = claim.polarity == PRESENT and not (claim.labels or claim.needed or claim.unread)
    alone = claim.agent is None and claim.object is None and not claim.others
    return plain and alone and claim.observation == EXTENT


def _kind_of(claim: Assertion) -> str:
    """What is measured; a volume where nothing else is named."""
    named = set(claim.attributes) & _KINDS
    for extent in claim.extents:
        named |= extent.aspects & _KINDS
    if len(named) > 1:
        return ""
    return named.pop() if named else "volume"


def _subjects_at(place: Place, kind: str, subjects: Sequence[Subject]) -> list[Subject]:
    if place.levels or place.details or kind == CONFIDENCE:
        return []
    return [
        one
        for one in subjects
        if one.kind == kind
        and one.sides == place.sides
        and one.concepts - one.beside() == place.anatomy
    ]


def _measured(
    claim: Assertion, subjects: Sequence[Subject], study_date: FoundDate | None
) -> tuple[str, ...]:
    found = _subjects_at(claim.place, _kind_of(claim), subjects)
    named = claim.attributes.union(*(one.aspects for one in claim.extents))
    if len(found) != 1 or named - found[0].beside() or not (claim.extents or claim.changes):
        return ()
    subject = found[0]
    then = [one for one in claim.dates if study_date is None or not one.agrees(study_date)]
    priors = _priors_of(subject, then)
    claim = _then(claim) if then else claim
    compares = bool(claim.changes or then) or any(one.prior or one.change for one in claim.extents)
    if not compares:
        right = all(_says(one, subject, None) for one in claim.extents)
        return (subject.finding_id,) if right else ()
    for prior in priors:
        right = all(_says(one, subject, prior) for one in claim.extents)
        if right and _changed_so(claim, subject, prior):
            return subject.finding_id, prior.finding_id
    return ()


def _then(claim: Assertion) -> Assertion:
    """A size with a date of before is of then, where no change is stated with it."""
    if claim.changes or any(one.prior or one.change for one in claim.extents):
        return claim
    return replace(claim, extents=tuple(replace(one, prior=True) for one in claim.extents))


def _priors_of(subject: Subject, then: Sequence[FoundDate]) -> Sequence[Prior]:
    if not then:
        return subject.priors[:1]
    return [
        one
        for one in subject.priors
        if one.date is not None and all(one.date.agrees(date) for date in then)
    ]


def _says(extent: Extent, subject: Subject, prior: Prior | None) -> bool:
    if len(extent.axes) != 1 or subject.value is None or extent.greatest:
        return False
    number = extent.axes[0]
    if extent.change:
        return prior is not None and says_amount(number, prior, subject.value, subject.unit)
    if extent.prior:
        return prior is not None and number.says(prior.value, subject.unit)
    return number.says(subject.value, subject.unit)


def _changed_so(claim: Assertion, subject: Subject, prior: Prior) -> bool:
    if subject.value is None:
        return False
    both = any(one.change for one in claim.extents) or (
        any(one.prior for one in claim.extents) and any(not one.prior for one in claim.extents)
    )
    allowed = moved_toward(prior, subject.value, both)
    changes = set(claim.changes)
    if "again" in changes and "stable" in changes:
        # `Remains unchanged`
        changes.discard("again")
    return all(one in _TOWARD and _TOWARD[one] in allowed for one in changes)


def _compared(claim: Assertion, subjects: Sequence[Subject]) -> Iterable[str]:
    """`The right lung is larger than the left`, with or without both values."""
    directions = {_TOWARD[one] for one in claim.changes if one in _TOWARD} - {0}
    if claim.than is None or len(claim.changes) != 1 or len(directions) != 1 or claim.dates:
        return ()
    if (
        claim.than.concept not in ("", EXTENT)
        or (claim.than.attributes | claim.attributes) - _KINDS
    ):
        return ()
    kind, place = _kind_of(claim), claim.than.place
    theirs = Place(place.anatomy or claim.place.anatomy, place.sides, place.levels, place.details)
    mine, others = _subjects_at(claim.place, kind, subjects), _subjects_at(theirs, kind, subjects)
    if len(mine) != 1 or len(others) != 1 or mine[0] is others[0]:
        return ()
    one, other = mine[0], others[0]
    if one.value is None or other.value is None or one.unit != other.unit:
        return ()
    if (one.value - other.value) * directions.pop() <= 0:
        return ()
    axes = [axis for extent in claim.extents for axis in extent.axes]
    values = (one.value, other.value)
    stated = not axes or (
        len(axes) == 2
        and all(axis.says(value, one.unit) for axis, value in zip(axes, values, strict=True))
    )
    return (one.finding_id, other.finding_id) if stated else ()
