"""Answer a question from what was measured, and from nothing else."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace

from inference.language.answer import Sentence
from inference.language.embedding import embed
from inference.language.guard.numbers.units import unit_of_ucum
from inference.language.measured.question import (
    Kind,
    Question,
    read_question,
    side_of,
    words_of,
)
from inference.language.searching.amounts import Amount
from inference.results.narrative import comparison_notes, shown_range, shown_value
from storage.core.findings import Finding
from storage.core.text.dates import date_of
from storage.core.text.rounding import rounded, shown_decimals
from storage.core.variation import variation_of

_MOST = 6
_LEAST_ALIKE = 0.1
_EXTENTS = frozenset(("mm", "mm2", "mm3"))
"""Dimensions of units."""
_SIGNS = {">": "above", ">=": "at least", "<": "below", "<=": "at most", "=": "equal to"}


def answer_from_findings(question: str, findings: Sequence[Finding]) -> list[Sentence]:
    """The findings that answer, the nearest first, each as a sentence; none where none does.

    A finding answers only if everything that the question names stands in it: a brain volume
    is no answer to a question about a lesion of the brain. Sides are compared with each other,
    values with a limit, an earlier value and the normal range, where that was asked.
    """
    asked = read_question(question)
    if not asked.named or not findings:
        return []
    about = [one for one in findings if _covers(one, asked.named)]
    if asked.kind == "comparison":
        return list(_compared(asked, about))[:_MOST]
    state = _STATED[asked.kind]
    answering = [one for one in about if asked.side in (None, side_of(one.label))]
    nearest = _nearest_first(question, answering)
    sentences = [
        Sentence(text, (one.finding_id,)) for one in nearest if (text := state(asked, one))
    ]
    return sentences[:_MOST]


def _nearest_first(question: str, findings: Sequence[Finding]) -> list[Finding]:
    """By meaning; without those that have nothing in common with the question."""
    if not findings:
        return []
    vectors = embed([question, *map(_value, findings)])
    alike = vectors[1:] @ vectors[0]
    order = sorted(range(len(findings)), key=lambda index: -float(alike[index]))
    return [findings[index] for index in order if float(alike[index]) >= _LEAST_ALIKE]


def _covers(finding: Finding, named: Sequence[str]) -> bool:
    words = words_of((finding.label, finding.code.meaning))
    return all(any(_is_same(word, other) for other in words) for word in named)


def _is_same(word: str, other: str) -> bool:
    return word == other or (len(word) > 4 and word.rstrip("s") == other.rstrip("s"))


def _value(finding: Finding) -> str:
    return f"{finding.label}: {shown_value(finding)}."


def _compared(asked: Question, findings: Sequence[Finding]) -> Iterator[Sentence]:
    """Both sides of each quantity, and which is the one that was asked for."""
    for left, right in _pairs(findings):
        if asked.is_of_extent and unit_of_ucum(_ucum(left)).dimension not in _EXTENTS:
            continue
        assert left.value is not None
        assert right.value is not None
        first, second = sorted(
            (left, right), key=lambda one: one.value or 0.0, reverse=asked.is_more
        )
        text = f"{first.label}: {shown_value(first)}; {second.label}: {shown_value(second)}"
        variation = variation_of(left, right, right.value)
        if shown_value(left) == shown_value(right):
            verdict = "no difference"
        elif variation is not None and variation.covers(left.value, right.value):
            verdict = "the difference is within the variation of the measurement"
        else:
            verdict = f"the {side_of(first.label)} one is {'greater' if asked.is_more else 'less'}"
        yield Sentence(f"{text}; {verdict}.", (first.finding_id, second.finding_id))


def _pairs(findings: Sequence[Finding]) -> Iterator[tuple[Finding, Finding]]:
    """Left and right of what was measured of both, once each, in one series by one pipeline."""
    by_side: dict[tuple[object, ...], dict[str, list[Finding]]] = {}
    for one in findings:
        side = side_of(one.label)
        if side is None or one.value is None or not one.is_sound:
            continue
        name = frozenset(words_of((one.label,)) - {side})
        key = (name, one.code.value, _ucum(one), one.series_instance_uid, one.pipeline)
        by_side.setdefault(key, {}).setdefault(side, []).append(one)
    for sides in by_side.values():
        if len(sides.get("left", ())) == len(sides.get("right", ())) == 1:
            yield sides["left"][0], sides["right"][0]


def _beside_limits(asked: Question, finding: Finding) -> str:
    if finding.value is None or not finding.is_sound:
        # The value of a part, or one that is not plausible, is neither below nor above.
        return _value(finding)
    unit = unit_of_ucum(_ucum(finding))
    # As it is shown, so that nobody reads "2,000.0 cm³, below 2000 ml".
    shown = float(rounded(finding.value, shown_decimals(finding.value, _ucum(finding))))
    verdicts = []
    for limit in asked.limits:
        # A number alone is meant as the value is stated.
        is_stated = bool(limit.amount.dimension)
        if is_stated and limit.amount.dimension != unit.dimension:
            return ""
        amount = Amount(shown * unit.factor if is_stated else shown, limit.amount.dimension)
        verdicts.append(
            f"{'' if limit.is_met_by(amount) else 'not '}{_SIGNS[limit.sign]} {limit.text}"
        )
    return f"{finding.label}: {shown_value(finding)}, {', '.join(verdicts)}."


def _changed(_: Question, finding: Finding) -> str:
    prior = finding.prior
    stated = f"{finding.label}: {shown_value(finding)}"
    if prior is None:
        return f"{stated}; no earlier value to compare it with is known."
    if prior.is_within_variation or prior.relation:
        return " ".join((f"{stated}.", *comparison_notes(finding)))
    then = shown_value(replace(finding, value=prior.value, validity=None))
    day = date_of(prior.study_date)
    on = f" on {day:%Y-%m-%d}" if day else " before"
    return f"{stated}; {then}{on} ({prior.change_percent:+.1f} %)."


def _beside_range(_: Question, finding: Finding) -> str:
    shown = shown_range(finding) if finding.is_sound else ""
    return f"{finding.label}: {shown_value(finding)}; {shown or 'no normal range is known for it'}."


def _ucum(finding: Finding) -> str:
    return "" if finding.unit is None else finding.unit.value


_STATED: Mapping[Kind, Callable[[Question, Finding], str]] = {
    "value": lambda _, finding: _value(finding),
    "limit": _beside_limits,
    "change": _changed,
    "normality": _beside_range,
}
