"""Whether two sentences of a text name one thing: only where no third could be meant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from inference.language.guard.assertions.assertion import EXTENT, PRESENT, Assertion
from inference.language.guard.assertions.entailment_rules import kinds
from inference.language.guard.assertions.places import closure, known_place
from inference.language.guard.verdict import SourceSpan


@dataclass(frozen=True)
class Source:
    """An assertion of the evidence, and the sentences that make it."""

    assertion: Assertion
    spans: tuple[SourceSpan, ...]
    history: bool = False


def may_be_meant(source: Source) -> bool:
    """Whether a later sentence may speak of it: it is there, in this patient, now."""
    one = source.assertion
    stated = one.polarity == PRESENT and (not one.state or one.observation == EXTENT)
    return stated and not source.history


def may_name(concept: str, names: frozenset[str]) -> bool:
    """Whether one of the names may stand for the thing, or the thing for one of them."""
    wider = kinds(concept)
    return any(one in wider or concept in kinds(one) for one in names)


def is_same(
    source: Source, other: Source, things: Sequence[Source], unread: frozenset[str]
) -> bool:
    """Whether two name one thing: of one kind, at one place, and no third could be meant."""
    one, two = source.assertion, other.assertion
    if not _of_one_kind(one, two) or one.labels != two.labels:
        return False
    if _sizes(one) and _sizes(two) and _sizes(one) != _sizes(two):
        return False
    if not (named(one, two) or named(two, one)):
        return False
    if source.spans != other.spans and (
        may_name(one.observation, unread) or may_name(two.observation, unread)
    ):
        return False
    rivals = [
        third.assertion
        for third in things
        if (_of_one_kind(third.assertion, one) or _of_one_kind(third.assertion, two))
        and any(named(a, third.assertion) or named(third.assertion, a) for a in (one, two))
    ]
    sizes = {_sizes(third) for third in rivals if _sizes(third)}
    return (
        len(sizes) <= 1
        and not any(third.plural or third.unread for third in rivals)
        and all(named(a, b) or named(b, a) for a in rivals for b in rivals)
    )


def _of_one_kind(one: Assertion, two: Assertion) -> bool:
    return two.observation in kinds(one.observation) or one.observation in kinds(two.observation)


def _sizes(one: Assertion) -> tuple[tuple[float, ...], ...]:
    return tuple(
        tuple(axis.value * axis.unit.factor for axis in each.axes)
        for each in one.extents
        if not each.prior and not each.change
    )


def named(narrow: Assertion, wide: Assertion) -> bool:
    """Whether what `wide` says of its place holds of `narrow` too."""
    mine, theirs = known_place(narrow), known_place(wide)
    return (
        closure(wide.place.anatomy) <= mine.anatomy
        and theirs.sides <= mine.sides
        and theirs.levels <= mine.levels
    )
