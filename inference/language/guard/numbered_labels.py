"""Numbers that name one of several things, and measure nothing: `liver tumor 1`."""

from __future__ import annotations

from dataclasses import replace

from inference.language.guard.lexicon import Entry
from inference.language.guard.numbers.quantities import Quantity
from inference.language.guard.numbers.units import NO_UNIT
from inference.language.guard.reading import Reading, Word

NUMBER = "number "
_MOST = 999


def with_numbers(reading: Reading, things: frozenset[str] | None = None) -> Reading:
    """The numbers behind the name of a thing as names; of these things alone, where given."""
    names = {
        word.end
        for word in reading.words
        if word.entry.category == "thing" and (things is None or word.entry.concept in things)
    }
    labels = [one for one in reading.quantities if one.at in names and _is_label(one, reading)]
    if not labels:
        return reading
    words = [
        Word(one.at, one.end, reading.pieces[one.at], Entry(f"{NUMBER}{one.value:g}", "thing"))
        for one in labels
    ]
    return replace(
        reading,
        words=tuple(sorted((*reading.words, *words), key=lambda one: one.at)),
        quantities=tuple(one for one in reading.quantities if one not in labels),
    )


def _is_label(one: Quantity, reading: Reading) -> bool:
    counts = one.unit == NO_UNIT and not one.decimals and 0 < one.value <= _MOST
    plain = not (one.signed or one.comparator or one.ranged) and one.group < 0
    return counts and plain and reading.pieces[one.end : one.end + 1] != ("x",)
