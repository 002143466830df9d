"""Thai tone marks above vowels, without a shaping engine.

A tone mark sits on its consonant, or higher where a vowel stands there already. ReportLab places
no mark by what it follows, so such a mark becomes a character of its own, whose sign is the same
one raised.
"""

import re
from typing import Any

_FIRST_RAISED = 0xF700  # in the Private Use Area, as in Thai fonts before OpenType
_TONE_MARKS = range(0x0E48, 0x0E4D)
RAISED = frozenset(_FIRST_RAISED + mark - _TONE_MARKS.start for mark in _TONE_MARKS)
_GAP_UNITS = 40
_UPPER_VOWELS = "\u0e31\u0e34-\u0e37\u0e47\u0e4d"
_STACKED = re.compile(f"(?<=[{_UPPER_VOWELS}])[\u0e48-\u0e4c]")
_SARA_AM = re.compile("([\u0e48-\u0e4c]?)\u0e33")


def with_raised_marks(text: str) -> str:
    """Thai text whose marks stand where they are drawn; sara am becomes its two parts."""
    text = _SARA_AM.sub("\u0e4d\\1\u0e32", text)
    return _STACKED.sub(lambda found: chr(_raised(ord(found.group()))), text)


def without_raised_marks(characters: str) -> str:
    """The same characters, and of raised marks the ordinary ones, with a vowel to measure."""
    ordinary = {_raised(mark): chr(mark) for mark in _TONE_MARKS}
    return characters.translate(ordinary) + "\u0e35"


def add_raised_marks(font: Any) -> None:
    """Give a font of fontTools the raised form of each tone mark that it has."""
    from copy import deepcopy

    characters = font.getBestCmap()
    glyphs, metrics = font["glyf"], font["hmtx"]
    vowel = glyphs[characters[0x0E35]]
    for mark in _TONE_MARKS:
        if mark not in characters:
            continue
        name = characters[mark]
        raised = deepcopy(glyphs[name])
        distance = vowel.yMax - raised.yMin + _GAP_UNITS
        raised.coordinates.translate((0, distance))
        raised.recalcBounds(glyphs)
        raised_name = f"{name}.raised"
        glyphs[raised_name] = raised
        metrics[raised_name] = metrics[name]
        for table in font["cmap"].tables:
            if table.isUnicode():
                table.cmap[_raised(mark)] = raised_name


def _raised(mark: int) -> int:
    return _FIRST_RAISED + mark - _TONE_MARKS.start
