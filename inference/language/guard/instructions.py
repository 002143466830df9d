"""Text that speaks to a program: never evidence, and never an answer."""

import re
import unicodedata
from functools import cache
from pathlib import Path

import yaml

from storage.core.text.normalization import normalized

_FILE = Path(__file__).parent / "data" / "instructions.yaml"


@cache
def _pattern(*kinds: str) -> re.Pattern[str]:
    patterns = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    each = [f"(?:{one})" for kind in kinds for one in patterns[kind]]
    return re.compile("|".join(each), re.IGNORECASE | re.MULTILINE)


def instructs(text: str) -> bool:
    """Whether the text gives orders, names an address, or carries mark-up or code."""
    pattern = _pattern("orders", "marks", "not_repeated")
    return any(pattern.search(one.casefold()) for one in _readings(text))


def gives_orders(text: str) -> bool:
    """Whether it talks to a model that reads it: less than `instructs`, since a letter may well
    name an address."""
    pattern = _pattern("orders", "marks")
    return any(pattern.search(one) for one in _readings(text))


def without_marks(text: str) -> str:
    """Without the marks by which chat models tell turns apart."""
    return _pattern("marks").sub(" ", text)


def without_invisible(text: str, instead: str = "") -> str:
    """Without characters that show nothing and are no white space: control characters, spaces
    of no width, marks of direction."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(instead if _is_invisible(one) else one for one in text)


def _is_invisible(character: str) -> bool:
    # The last are fillers and selectors, which Unicode counts among letters and marks.
    return not character.isspace() and (
        unicodedata.category(character) in ("Cc", "Cf") or character in _FILLERS
    )


_FILLERS = frozenset(
    ["\u034f", "\u115f", "\u1160", "\u17b4", "\u17b5", "\u3164", "\uffa0"]
    + [chr(code) for code in range(0xFE00, 0xFE10)]
)


def _readings(text: str) -> list[str]:
    """A text as a model may read it: with letters in their plain form (NFKC), and without what
    is invisible, which may stand within a word or between two."""
    if text.isascii() and text.isprintable():
        return [text]
    plain = normalized("NFKC", text)
    return list(dict.fromkeys([text, without_invisible(plain), without_invisible(plain, " ")]))
