"""Unicode normalization that takes time by the length of its text, whatever the text is.

Python sorts the marks after a letter by comparing them one by one: 100 kB of marks after one
letter take minutes, within a call that lets nothing else of the process run.
"""

import re
import unicodedata
from functools import cache
from typing import Literal

_MARKS = 30
"""After one letter, as in the Stream-Safe Text Format of UAX #15; no script needs as many."""
_BEYOND_MARKS = 0x20000
"""From here on come ideographs and characters that have no form of their own."""
_JOINER = "\u034f"
"""COMBINING GRAPHEME JOINER: it is not shown, and what follows it is sorted for itself."""


def normalized(form: Literal["NFC", "NFKC", "NFKD"], text: str) -> str:
    """`unicodedata.normalize`; after each 30 marks in a row stands U+034F, so that a run ends."""
    if text.isascii():
        return text
    return unicodedata.normalize(form, _long_runs().sub(rf"\1{_JOINER}", text))


@cache
def _long_runs() -> re.Pattern[str]:
    """Thirty characters that are marks, or become nothing but marks, before a further one."""
    marks = "".join(
        character
        for character in map(chr, range(_BEYOND_MARKS))
        if not "\ud800" <= character <= "\udfff" and _is_mark(character)
    )
    return re.compile(f"([{marks}]{{{_MARKS}}})(?=[{marks}])")


def _is_mark(character: str) -> bool:
    if unicodedata.combining(character):
        return True
    # Some vowels of Tibetan are none by themselves, and two when taken apart.
    return bool(unicodedata.decomposition(character)) and all(
        map(unicodedata.combining, unicodedata.normalize("NFKD", character))
    )
