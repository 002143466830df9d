"""Whether the findings bear out where a value lies among those of a reference population."""

from __future__ import annotations

import re
from collections.abc import Sequence

from inference.language.guard.reading import Reading, read
from inference.language.guard.scope import mentions_of, with_sides
from inference.language.guard.subjects import Subject

_WORDS = {
    "above": "above|over|beyond|larger than|greater than|higher than|exceeds|über|oberhalb"
    "|grösser als|höher als",
    "below": "below|under|smaller than|lower than|less than|unter|unterhalb|kleiner als"
    "|niedriger als",
    "within": "within|inside|in|innerhalb|im",
}
_RANGE = (
    "reference ranges?|normal ranges?|reference intervals?|reference limits|normal limits"
    "|referenzbereich(?:e?s)?|normbereich(?:e?s)?|referenzintervalls?"
)
_PHRASE = re.compile(
    rf"\b(?:{'|'.join(f'(?P<{place}>{words})' for place, words in _WORDS.items())})"
    rf" (?:(?:the|its|their|dem|des|den|der) )?(?:{_RANGE})(?!\w)"
)


def in_normal_range(reading: Reading, subjects: Sequence[Subject]) -> tuple[str, ...]:
    """The finding whose value lies where the sentence says, and nothing else; else none."""
    text = " ".join(reading.pieces)
    found = list(_PHRASE.finditer(text))
    if len(found) != 1 or reading.dates:
        return ()
    rest = read(f"{text[: found[0].start()]}{text[found[0].end() :]}", reading.german)
    mentions = with_sides(mentions_of(rest), rest, 0, len(rest.pieces))
    named = frozenset(one.concept for one in mentions)
    sides = frozenset(side for one in mentions for side in one.sides)
    if any(word.entry.category in ("trigger", "change") for word in rest.words) or rest.dates:
        return ()
    meant = [
        one
        for one in subjects
        if one.sides == sides
        and one.needed(named) <= named <= one.concepts | one.beside()
        and (one.kind in named or not one.kind_needed())
    ]
    if len(meant) != 1 or meant[0].value is None or meant[0].place != found[0].lastgroup:
        return ()
    value, unit = meant[0].value, meant[0].unit
    return (meant[0].finding_id,) if all(one.says(value, unit) for one in rest.quantities) else ()
