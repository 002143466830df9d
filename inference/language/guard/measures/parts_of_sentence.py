"""A sentence about measures as its parts, one for each thing that is measured.

Each number goes with the names of its own part; what a part leaves unsaid (`and the right
3.1 mL`) is taken from the part before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from inference.language.guard.numbers.quantities import Quantity
from inference.language.guard.numbers.units import PERCENT
from inference.language.guard.reading import Reading
from inference.language.guard.scope import BOTH_SIDES, Mention, mentions_of

_JOINTS = frozenset(", ; . and und while whereas während compared ( :".split())
_SUBJECT = ("anatomy", "thing", "word", "property")
_PAIRED = frozenset(("and", "und", "/"))


@dataclass(frozen=True)
class Segment:
    """Names, numbers, sides and triggers of one part, those taken over included."""

    mentions: tuple[Mention, ...]
    quantities: tuple[Quantity, ...]
    sides: frozenset[str]
    triggers: frozenset[str]
    pieces: frozenset[str]


def segments_of(reading: Reading) -> tuple[Segment, ...]:
    """The parts in their order; a pair of numbers for a pair of sides becomes two."""
    pairs = _paired(reading)
    if pairs:
        return pairs
    cuts = _cuts(reading)
    spans = list(zip((0, *cuts), (*cuts, len(reading.pieces)), strict=True))
    done: list[Segment] = []
    for start, end in spans:
        done.append(_inherited(_segment(reading, start, end), done[-1] if done else None))
    return tuple(done)


def _cuts(reading: Reading) -> list[int]:
    """Where one number's part ends and the next begins."""
    cuts = []
    for first, second in zip(reading.quantities, reading.quantities[1:], strict=False):
        begin = first.end
        # `1.7 L (left) and 2.0 L`: what stands in brackets goes with what stands before them.
        if reading.pieces[begin] == "(" and ")" in reading.pieces[begin : second.at]:
            begin = reading.pieces.index(")", begin) + 1
        joints = [at for at in range(begin, second.at) if reading.pieces[at] in _JOINTS]
        if joints:
            cuts.append(joints[0])
    return cuts


def _segment(reading: Reading, start: int, end: int) -> Segment:
    sides: set[str] = set()
    for word in reading.words:
        if word.entry.category == "side" and start <= word.at < end:
            sides |= BOTH_SIDES if word.entry.concept == "both" else {word.entry.concept}
    return Segment(
        mentions=tuple(one for one in mentions_of(reading) if start <= one.word.at < end),
        quantities=tuple(one for one in reading.quantities if start <= one.at < end),
        sides=frozenset(sides),
        triggers=frozenset(
            word.entry.concept
            for word in reading.words
            if word.entry.category == "trigger" and start <= word.at < end
        ),
        pieces=frozenset(reading.pieces[start:end]),
    )


def _inherited(segment: Segment, before: Segment | None) -> Segment:
    if before is None:
        return segment
    # `0.2% of the brain` is a share of what was named before.
    whole = {"brain"} if any(one.unit == PERCENT for one in segment.quantities) else set()
    own = {
        one.category for one in segment.mentions if one.concept not in ("comparison_exam", *whole)
    }
    taken = () if own & {"anatomy", "thing", "word"} else _named(before, _SUBJECT)
    if "measure" not in own:
        taken += _named(before, ("measure",))
    return replace(
        segment,
        mentions=segment.mentions + taken,
        sides=segment.sides or before.sides if not own & {"anatomy"} else segment.sides,
    )


def _named(segment: Segment, categories: Sequence[str]) -> tuple[Mention, ...]:
    return tuple(one for one in segment.mentions if one.category in categories)


def _paired(reading: Reading) -> tuple[Segment, ...]:
    """`Left and right volumes are 3.0 and 3.1 mL` as two parts."""
    sides = [word for word in reading.words if word.entry.category == "side"]
    numbers = reading.quantities
    if len(sides) != 2 or len(numbers) != 2 or sides[0].entry.concept == sides[1].entry.concept:
        return ()
    between_sides = set(reading.pieces[sides[0].end : sides[1].at])
    between_numbers = set(reading.pieces[numbers[0].end : numbers[1].at])
    apart = not between_sides <= _PAIRED or not between_numbers <= _PAIRED
    if apart or "both" in {sides[0].entry.concept, sides[1].entry.concept}:
        return ()
    whole = _segment(reading, 0, len(reading.pieces))
    return tuple(
        replace(whole, quantities=(number,), sides=frozenset((side.entry.concept,)))
        for side, number in zip(sides, numbers, strict=True)
    )
