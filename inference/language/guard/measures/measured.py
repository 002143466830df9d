"""Whether the findings say what a sentence says of a measure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from inference.language.guard.measures.change_since_prior import (
    is_change,
    is_of_prior,
    is_variation,
    moved_toward,
    says_amount,
    says_variation,
)
from inference.language.guard.measures.parts_of_sentence import Segment, segments_of
from inference.language.guard.numbers.dates import FoundDate
from inference.language.guard.numbers.quantities import Quantity
from inference.language.guard.reading import Reading
from inference.language.guard.scope import Mention
from inference.language.guard.subjects import CONFIDENCE, Prior, Subject
from inference.language.guard.verdict import Ground, Reason

_DOUBT = frozenset(("possible", "suspected"))
# What the intracranial volume is the volume of, where it is spelled out.
_INTRACRANIAL = frozenset(("brain", "cerebrospinal_fluid"))
_DESCRIPTIVE = frozenset(("total", "overall", "size", "mask"))
_SPEAKS_OF_MEASURING = frozenset(
    "measured segmented quantified calculated gemessen segmentiert berechnet".split()
)


@dataclass(frozen=True)
class FindingJudgement:
    """What the findings do not say, and which of them say the rest."""

    reasons: tuple[Reason, ...]
    finding_ids: tuple[str, ...] = ()


def judge_measures(
    reading: Reading, subjects: Sequence[Subject], study_date: FoundDate | None
) -> FindingJudgement:
    """Hold a sentence against the findings; no reasons where they say all of it."""
    reasons: list[Reason] = []
    finding_ids: list[str] = []
    used: list[Prior] = []
    for segment in segments_of(reading):
        judged = _best(segment, reading, subjects, study_date, used)
        reasons += judged.reasons
        finding_ids += judged.finding_ids
    reasons += _dates(reading, study_date, used)
    return FindingJudgement(tuple(reasons), tuple(dict.fromkeys(finding_ids)))


def _best(
    segment: Segment,
    reading: Reading,
    subjects: Sequence[Subject],
    study_date: FoundDate | None,
    used: list[Prior],
) -> FindingJudgement:
    near = [one for one in subjects if _may_be_of(segment, one)]
    if not near:
        return FindingJudgement((_no_subject(segment, subjects),))
    best: FindingJudgement | None = None
    best_prior: Prior | None = None
    for subject in near:
        for prior in (*_priors_meant(subject, reading, study_date), None):
            reasons = tuple(_unsaid(segment, reading, subject, prior, study_date))
            if best is None or len(reasons) < len(best.reasons):
                ids: tuple[str, ...] = (subject.finding_id,)
                ids += (prior.finding_id,) if prior and _compares(segment, reading) else ()
                best, best_prior = FindingJudgement(reasons, ids), prior
    if best_prior is not None:
        used.append(best_prior)
    return best or FindingJudgement(())


def _compares(segment: Segment, reading: Reading) -> bool:
    return bool(reading.dates) or any(
        one.category == "change" or one.concept == "comparison_exam" for one in segment.mentions
    )


def _may_be_of(segment: Segment, subject: Subject) -> bool:
    named = frozenset(one.concept for one in segment.mentions)
    needed = subject.needed(named) - _DESCRIPTIVE
    return bool(named & (subject.concepts | {subject.kind})) and named >= needed


def _no_subject(segment: Segment, subjects: Sequence[Subject]) -> Reason:
    named = ", ".join(f"“{one.word.text}”" for one in segment.mentions) or "it"
    return Reason(Ground.SUBJECT, f"No finding is of {named}.")


def _priors_meant(
    subject: Subject, reading: Reading, study_date: FoundDate | None
) -> Sequence[Prior]:
    """Those of the date that the sentence names; the latest where it names none."""
    named = [found for _, found in reading.dates if not (study_date and found.agrees(study_date))]
    if not named:
        return subject.priors[:1]
    return [
        one
        for one in subject.priors
        if one.date is not None and any(one.date.agrees(found) for found in named)
    ]


def _unsaid(
    segment: Segment,
    reading: Reading,
    subject: Subject,
    prior: Prior | None,
    study_date: FoundDate | None,
) -> Iterator[Reason]:
    yield from _triggers(segment, subject)
    yield from _names(segment, subject, prior)
    if segment.sides != subject.sides and not (not segment.sides and len(subject.sides) == 2):
        side = " and ".join(sorted(subject.sides)) or "no side"
        yield Reason(Ground.SIDE, f"The finding is of {side}.")
    yield from _kind(segment, subject)
    amount_stated = False
    for one in segment.quantities:
        if is_variation(reading, one):
            if prior is None or not says_variation(one, prior, subject.unit):
                yield Reason(Ground.COMPARISON, f"The variation is not {one.value:g}.")
        elif is_change(reading, one):
            amount_stated = True
            yield from _amount(one, subject, prior)
        elif is_of_prior(reading, one, study_date):
            yield from _then(one, subject, prior)
        elif subject.value is None or not one.says(subject.value, subject.unit):
            yield _wrong_number(one, subject)
    yield from _direction(segment, subject, prior, amount_stated)


def _triggers(segment: Segment, subject: Subject) -> Iterator[Reason]:
    for kind in segment.triggers:
        if subject.kind == CONFIDENCE and kind in _DOUBT:
            continue
        if kind in ("negation", "resolved"):
            yield Reason(Ground.NEGATION, "It denies what was measured.")
        elif kind == "other_person":
            yield Reason(Ground.PATIENT, "It speaks of another person.")
        else:
            yield Reason(Ground.CERTAINTY, "A measured value is neither doubtful nor proven.")
    doubtful = bool(_DOUBT & segment.triggers) or bool(segment.quantities)
    if subject.kind == CONFIDENCE and not doubtful:
        yield Reason(Ground.CERTAINTY, "A classifier suggests; it does not establish.")


def _names(segment: Segment, subject: Subject, prior: Prior | None) -> Iterator[Reason]:
    allowed = subject.concepts | subject.beside()
    if "intracranial" in subject.concepts and named_with(segment) >= _INTRACRANIAL:
        allowed |= _INTRACRANIAL
    for one in segment.mentions:
        if one.concept in allowed or one.category == "change":
            continue
        if one.concept in ("comparison_exam", "interval") and prior is not None:
            continue
        yield Reason(Ground.CONTENT, f"No finding says “{one.word.text}”.")


def named_with(segment: Segment) -> frozenset[str]:
    """All that the part names."""
    return frozenset(one.concept for one in segment.mentions)


def _kind(segment: Segment, subject: Subject) -> Iterator[Reason]:
    mentioned = {one.concept for one in segment.mentions}
    if subject.kind == "share" and "brain" in mentioned and "volume" in mentioned:
        return
    if subject.kind and subject.kind_needed() and subject.kind not in mentioned:
        if subject.kind == CONFIDENCE or _is_share_by_words(segment, subject):
            return
        yield Reason(Ground.SUBJECT, f"It does not say that the {subject.kind} is meant.")
    if not segment.quantities and not any(one.category == "change" for one in segment.mentions):
        measuring = _SPEAKS_OF_MEASURING & segment.pieces
        if subject.kind != CONFIDENCE and not measuring:
            yield Reason(Ground.CONTENT, "It says nothing that a finding says.")


def _is_share_by_words(segment: Segment, subject: Subject) -> bool:
    mentioned = {one.concept for one in segment.mentions}
    return subject.kind == "share" and "brain" in mentioned and "brain" not in subject.concepts


def _wrong_number(one: Quantity, subject: Subject) -> Reason:
    if one.comparator or one.ranged:
        return Reason(Ground.NUMBER, "The finding gives one value, no bound and no range.")
    if one.unit.dimension != subject.unit.dimension:
        return Reason(Ground.UNIT, f"The finding is not in the unit of {one.value:g}.")
    return Reason(Ground.NUMBER, f"The finding is not {one.value:g}.")


def _amount(one: Quantity, subject: Subject, prior: Prior | None) -> Iterator[Reason]:
    if prior is None or subject.value is None:
        yield Reason(Ground.COMPARISON, "There is no prior to compare with.")
    elif not says_amount(one, prior, subject.value, subject.unit):
        yield Reason(Ground.COMPARISON, f"The value did not change by {one.value:g}.")


def _then(one: Quantity, subject: Subject, prior: Prior | None) -> Iterator[Reason]:
    if prior is None:
        yield Reason(Ground.COMPARISON, "There is no prior to compare with.")
    elif not one.says(prior.value, subject.unit):
        yield Reason(Ground.COMPARISON, f"The prior value is not {one.value:g}.")


def _direction(
    segment: Segment, subject: Subject, prior: Prior | None, amount_stated: bool
) -> Iterator[Reason]:
    changes: list[Mention] = [one for one in segment.mentions if one.category == "change"]
    for one in changes:
        if one.concept == "moved" and amount_stated:
            continue
        if one.word.entry.toward is None:
            yield Reason(Ground.COMPARISON, f"No finding says “{one.word.text}”.")
        elif prior is None or subject.value is None:
            yield Reason(Ground.COMPARISON, "There is no prior to compare with.")
        elif one.word.entry.toward not in moved_toward(prior, subject.value, amount_stated):
            yield Reason(Ground.COMPARISON, f"The value is not “{one.word.text}”.")


def _dates(
    reading: Reading, study_date: FoundDate | None, used: Sequence[Prior]
) -> Iterator[Reason]:
    known = [one.date for one in used if one.date is not None]
    known += [study_date] if study_date is not None else []
    for _, found in reading.dates:
        if not any(found.agrees(other) for other in known):
            yield Reason(Ground.TIME, "The date is neither of this study nor of its prior.")
