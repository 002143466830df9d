"""Where a denial ends in a sentence without `but`: at a comma, at `and`, or nowhere for certain."""

from __future__ import annotations

from inference.language.guard.reading import Reading, Word

STOPS = frozenset(("but", "however", "although", "except", "while", "whereas", "aber", "jedoch"))
BREAKS = frozenset(";:.?!")
_ALTERNATIVES = frozenset(("or", "oder", "nor", "noch", "/"))
_VERBAL = frozenset(("not", "nicht"))
_NAMED = ("thing", "anatomy", "property", "relation", "change", "word")


def is_unclear(word: Word, trigger: Word, reading: Reading) -> bool:
    """Whether a denial may end at a comma or `and` before the name."""
    between = set(reading.pieces[trigger.end : word.at])
    if not between & {",", "and", "und"}:
        return False
    behind = reading.pieces[trigger.end : _end_of(word, reading, BREAKS | STOPS)]
    if set(behind) & _ALTERNATIVES:
        return False
    if trigger.text in _VERBAL:
        return True
    listed = "," in between and not set(behind) & {"and", "und"}
    return listed and _is_described(word, reading)


def starts_new_part(word: Word, trigger: Word, reading: Reading) -> bool:
    """`Heart not enlarged, small effusion`: behind a denied adjective, a phrase of its own."""
    behind = reading.pieces[trigger.end : _end_of(word, reading, BREAKS | STOPS)]
    if set(behind) & _ALTERNATIVES:
        return False
    if _is_of_other_side(word, trigger, reading):
        return True
    if trigger.text not in _VERBAL:
        return False
    named = [one for one in reading.words if one.at >= trigger.end and one.entry.category in _NAMED]
    adjective = bool(named) and named[0].entry.category == "property"
    segment = _segment_of(word, reading)
    thing = any(one.entry.category == "thing" for one in named if one.at in segment)
    return adjective and named[0].at not in segment and thing and _is_described(word, reading)


def _is_of_other_side(word: Word, trigger: Word, reading: Reading) -> bool:
    """`No effusion on the right, on the left a small one`"""
    segment = _segment_of(word, reading)
    sides = [one for one in reading.words if one.entry.category == "side" and one.at >= trigger.end]
    here = {one.entry.concept for one in sides if one.at in segment}
    before = {one.entry.concept for one in sides if one.at < segment.start}
    return bool(here and before) and not here & before and "both" not in here | before


def _is_described(word: Word, reading: Reading) -> bool:
    """Whether more than one name or number stands between the commas around it."""
    segment = _segment_of(word, reading)
    named = {
        one.at
        for one in reading.words
        if one.at in segment and one.entry.category not in ("grammar", "trigger")
    }
    return len(named) > 1 or any(one.at in segment for one in reading.quantities)


def _segment_of(word: Word, reading: Reading) -> range:
    start = next(
        (at + 1 for at in range(word.at - 1, -1, -1) if reading.pieces[at] in {",", *BREAKS}), 0
    )
    return range(start, _end_of(word, reading, BREAKS | {","}))


def _end_of(word: Word, reading: Reading, marks: frozenset[str]) -> int:
    ahead = range(word.end, len(reading.pieces))
    return next((at for at in ahead if reading.pieces[at] in marks), len(reading.pieces))
