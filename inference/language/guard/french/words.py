"""A French sentence as words without elision, numbers, and marks."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, replace
from typing import Literal

from inference.language.guard.characters import folded
from storage.core.text.normalization import normalized

Kind = Literal["word", "raw", "mark"]

# A hyphen within a word; one between numbers may mean a range.
_JOINER = re.compile(r"(?<=[^\W\d_])-(?=[^\W\d_])")
_WORD = re.compile(
    r"(?P<elided>\b(?:[ldnscjmt]|qu|jusqu|lorsqu|puisqu|presqu))'"
    r"|(?P<raw>\b[a-z]{0,4}\d(?:[\w/%°+-]|[.,](?=\d))*)"
    r"|(?P<word>[^\W\d_]+(?:'[^\W\d_]+)*)"
    r"|(?P<mark>\S)",
    re.IGNORECASE,
)
_WHOLE = {
    "l": "le", "d": "de", "n": "ne", "s": "se", "c": "ce", "j": "je", "m": "me", "t": "te",
    "qu": "que", "jusqu": "jusque", "lorsqu": "lorsque", "puisqu": "puisque",
    "presqu": "presque", "la": "le", "les": "le",
}  # fmt: skip
_CONTRACTED = {"du": ("de", "le"), "des": ("de", "les"), "au": ("à", "le"), "aux": ("à", "les")}
_LIGATURES = {ord("œ"): "oe", ord("æ"): "ae"}


@dataclass(frozen=True)
class FrenchWord:
    """`text` as it is written, `key` as words are looked up."""

    text: str
    key: str
    kind: Kind = "word"
    glued: bool = False
    """No space stands before it."""

    @property
    def is_plural(self) -> bool:
        """Whether it is written in the plural, where its key is not."""
        return self.kind == "word" and key_of(self.text) != _whole(self.text)


def words_of(sentence: str) -> list[FrenchWord]:
    """The words in their order; `du` is two."""
    found: list[FrenchWord] = []
    plain = _JOINER.sub(" ", folded(sentence)).replace("aujourd'hui", "aujourdhui")
    end = -1
    for match in _WORD.finditer(plain):
        kind: Kind = "word"
        text = match.group()
        if match.group("elided"):
            text = _WHOLE[match.group("elided").casefold()]
        elif match.group("raw"):
            kind = "raw"
        elif match.group("mark"):
            kind = "mark"
        parts = _CONTRACTED.get(text.casefold(), (text,)) if kind == "word" else (text,)
        made = [FrenchWord(one, key_of(one) if kind == "word" else one, kind) for one in parts]
        found += [replace(made[0], glued=match.start() == end), *made[1:]]
        end = match.end()
    return found


def key_of(word: str) -> str:
    """A word in small letters and in the singular; articles as `le`."""
    word = _whole(word)
    if word in _WHOLE:
        return _WHOLE[word]
    if len(word) <= 3:
        return word
    if word.endswith("eaux"):
        return word[:-1]
    if word.endswith("aux"):
        return f"{word[:-3]}al"
    return word[:-1] if word.endswith("s") and not word.endswith("ss") else word


def without_accents(word: str) -> str:
    """As capitals are often written."""
    return "".join(one for one in normalized("NFKD", word) if not unicodedata.combining(one))


def _whole(word: str) -> str:
    return word.casefold().translate(_LIGATURES)
