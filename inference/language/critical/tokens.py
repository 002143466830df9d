"""A sentence as words, in one spelling for British, American and German writers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from inference.language.guard.characters import folded

_TOKEN = re.compile(r"[^\W_]+(?:[.,]\d+)*|[,;:?!()-]")
_PARTING_DASH = re.compile(r"\s-+\s|\s-+(?=\w)")
_HYPHEN = re.compile(r"(?<=\w)-(?=\w)|-(?=\s|$)")
_GENITIVE = re.compile(r"'s?\b")
_UMLAUTS = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})
_SPELLINGS = (
    ("haem", "hem"),
    ("aem", "em"),
    ("oed", "ed"),
    ("oeso", "eso"),
    ("tumour", "tumor"),
    ("calibre", "caliber"),
    ("centre", "center"),
    ("fibre", "fiber"),
    ("grey", "gray"),
)


@dataclass(frozen=True)
class Token:
    """A word or a mark. `raw` is as it was written, for abbreviations."""

    text: str
    raw: str

    @property
    def is_word(self) -> bool:
        return self.text[0].isalnum()


def spelled(word: str) -> str:
    """`Hämorrhagie`, `haemorrhage` and `hemorrhage` begin alike."""
    # `Maß` is a measure, and no mass.
    word = word.lower().replace("maß", "masz").casefold().translate(_UMLAUTS)
    for written, plain in _SPELLINGS:
        if written in word:
            word = word.replace(written, plain)
    return word


def tokens_of(sentence: str) -> tuple[Token, ...]:
    """Words and marks in order, without points: a sentence has been cut at them."""
    return tuple(Token(spelled(raw), raw) for raw in raw_tokens(sentence))


def raw_tokens(sentence: str) -> Iterator[str]:
    plain = without_genitive(folded(sentence))
    # A dash between spaces parts what it stands between; a hyphen joins one word.
    plain = _PARTING_DASH.sub(" : ", plain)
    for match in _TOKEN.finditer(_HYPHEN.sub(" ", plain)):
        yield match.group()


def without_genitive(text: str) -> str:
    """`Boerhaave's`, `can't`: one word each, without the mark."""
    return _GENITIVE.sub("", text)
