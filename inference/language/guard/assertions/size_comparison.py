"""Comparisons within one study: which of two things is the larger."""

from __future__ import annotations

from inference.language.guard.assertions.assertion import EXTENT, PRESENT, Assertion, Place, Thing
from inference.language.guard.assertions.corpus import Corpus
from inference.language.guard.assertions.entailment_rules import kinds
from inference.language.guard.assertions.places import known_place
from inference.language.guard.assertions.same_thing import Source
from inference.language.guard.verdict import SourceSpan

_TOWARD = {"increased": 1, "decreased": -1}


def comparison_holds(claim: Assertion, corpus: Corpus) -> tuple[SourceSpan, ...]:
    """The sentences that give both sizes, where they bear the comparison out; else none."""
    directions = {_TOWARD[one] for one in claim.changes if one in _TOWARD}
    if claim.than is None or len(directions) != 1 or claim.polarity != PRESENT or claim.labels:
        return ()
    if claim.extents or claim.others or claim.agent or claim.object or claim.needed:
        return ()
    other = claim.than
    concept = other.concept or claim.observation
    place = other.place
    if not other.concept or not place.anatomy:
        # `The right lobe is larger than the left`: the rest of the name is understood.
        place = Place(
            place.anatomy or claim.place.anatomy, place.sides, place.levels, place.details
        )
    mine = _size_of(Thing(claim.observation, claim.place, claim.attributes), corpus)
    theirs = _size_of(Thing(concept, place, other.attributes), corpus)
    if mine is None or theirs is None or mine[1] == theirs[1]:
        return ()
    direction = directions.pop()
    axes = list(zip(mine[0], theirs[0], strict=False))
    if len(mine[0]) != len(theirs[0]):
        # Of unlike numbers of axes, the largest are compared.
        axes = [(max(mine[0]), max(theirs[0]))]
    holds = all((a - b) * direction > 0 for a, b in axes)
    return (*mine[2], *theirs[2]) if holds else ()


def _size_of(
    thing: Thing, corpus: Corpus
) -> tuple[tuple[float, ...], Assertion, tuple[SourceSpan, ...]] | None:
    """The one size that the texts give of it; None where they give none or several."""
    found: list[tuple[tuple[float, ...], Source]] = []
    for source in corpus.sources:
        one = source.assertion
        known = known_place(one)
        named = thing.concept in kinds(one.observation) or (
            thing.concept == EXTENT == one.observation
        )
        there = (
            thing.place.anatomy <= known.anatomy
            and thing.place.sides <= known.sides
            and thing.place.levels <= known.levels
            and thing.place.details <= known.details
            and thing.attributes <= one.attributes
        )
        if not named or not there or one.polarity != PRESENT or source.history or one.unread:
            continue
        now = [
            each.axes
            for each in one.extents
            if not each.prior
            and not each.change
            and all(axis.unit.dimension == "mm" for axis in each.axes)
        ]
        if len(now) == 1:
            found.append((tuple(axis.value * axis.unit.factor for axis in now[0]), source))
    if len({size for size, _ in found}) != 1:
        return None
    size, source = found[0]
    return size, source.assertion, source.spans
