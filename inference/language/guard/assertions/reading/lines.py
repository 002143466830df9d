"""The lines of a source text."""

from __future__ import annotations

import re
from dataclasses import dataclass

LONGEST_SENTENCE = 1_000
"""In characters; what is longer is neither believed nor judged."""
_MOST_LINES = 2_000


@dataclass(frozen=True)
class Line:
    """`text` from `start` to `end` of a source: a line, with those that go on with it."""

    text: str
    start: int
    end: int


def lines_of(text: str) -> list[Line]:
    """The lines of a text; one that goes on in small letters belongs to the one before."""
    found: list[Line] = []
    for match in list(re.finditer(r"[^\n]+", text))[:_MOST_LINES]:
        before = found[-1] if found else None
        goes_on = (
            before is not None
            and match.start() == before.end + 1
            and match.group().strip()[:1].islower()
            and before.text.rstrip()[-1:] not in (".", ":", ";", "")
            and len(before.text) < LONGEST_SENTENCE
        )
        if before is not None and goes_on:
            found[-1] = Line(text[before.start : match.end()], before.start, match.end())
        else:
            found.append(Line(match.group(), match.start(), match.end()))
    return found
