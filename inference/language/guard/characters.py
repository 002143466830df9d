"""Characters as they look, so that none can say one thing to a reader and another to a rule."""

import re
import unicodedata

from inference.language.guard.verdict import Ground, Reason
from storage.core.text.normalization import normalized

_SPACES = re.compile(r"\s+")
_DASHES = dict.fromkeys(map(ord, "‐‑‒–—―−﹣－"), "-")
_QUOTES = {ord("’"): "'", ord("‘"): "'", ord("“"): '"', ord("”"): '"', ord("„"): '"'}
_SIGNS = {
    ord("×"): "x",
    ord("µ"): "u",
    ord("μ"): "u",
    ord("•"): "-",
    ord("·"): "-",
    ord("≈"): "~",
    ord("≤"): "<=",
    ord("≥"): ">=",
    ord("…"): "...",
    ord("⁄"): "/",
}
# A raised digit is a power of a unit; anywhere else it would join the number before it.
_RAISED = re.compile(r"(?<![A-Za-z])[²³]|[⁰¹⁴-⁹]")
_RAISED_DIGITS = {ord("²"): "2", ord("³"): "3"}


def folded(text: str) -> str:
    """The same text in plain letters, digits, dashes and single spaces."""
    plain = text.translate(_RAISED_DIGITS).translate(_SIGNS).translate(_QUOTES)
    plain = normalized("NFKC", plain).translate(_DASHES).translate(_SIGNS)
    return _SPACES.sub(" ", plain).strip()


def hidden_or_foreign(text: str) -> Reason | None:
    """What a reader cannot see or would misread; None where every character is plain."""
    if _RAISED.search(text):
        return Reason(Ground.CHARACTERS, "A raised digit stands where it would be misread.")
    plain = text.translate(_RAISED_DIGITS)
    # As written and as folded: a fraction in one character turns into digits and a slash.
    for character in plain + normalized("NFKC", plain):
        if ord(character) < 0x7F:
            if character < " " and character not in "\n\r\t":
                return _named(character)
            continue
        category = unicodedata.category(character)
        if category.startswith(("C", "M", "N")) or category == "Lm":
            return _named(character)
        if category.startswith("L") and not _is_latin(character):
            return _named(character)
    return None


def _is_latin(character: str) -> bool:
    return ord(character) <= 0x24F or character in "μµẞ"


def _named(character: str) -> Reason:
    name = unicodedata.name(character, f"U+{ord(character):04X}")
    return Reason(
        Ground.CHARACTERS, f"It holds a character that is not plainly readable: {name.lower()}."
    )
