"""A sentence taken apart into what it names, how much, and when."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from inference.language.guard.characters import folded
from inference.language.guard.lexicon import (
    LEFT,
    RIGHT,
    Entry,
    base,
    lexicon,
    located_pieces,
)
from inference.language.guard.numbers.dates import FoundDate, find_dates
from inference.language.guard.numbers.quantities import Quantity, find_quantities, is_number

_PARTING_DASH = re.compile(r"(?<=\s)-(?=\s)")
_MEASURED = re.compile(r"(?<!\w)maß(?:en)?(?!\w)")
_SHORTEST_INFLECTED = 6
_GERMAN_ENDINGS = ("en", "es", "er", "em", "n", "e", "s")
_MARKS = frozenset(".,;:()[]/+-=~'\"?!x*#%<>&")


@dataclass(frozen=True)
class Word:
    """One name in a sentence: the pieces `at` to `end` and what they stand for."""

    at: int
    end: int
    text: str
    entry: Entry


@dataclass(frozen=True)
class Reading:
    """A sentence as rules see it; positions count pieces."""

    pieces: tuple[str, ...]
    words: tuple[Word, ...]
    quantities: tuple[Quantity, ...]
    dates: tuple[tuple[int, FoundDate], ...]
    german: bool
    marks: frozenset[str]
    """Signs that are neither words nor punctuation."""


@lru_cache(maxsize=4096)
def read(sentence: str, german: bool | None = None) -> Reading:
    """Take a sentence apart; its language is known by its small words where none is given."""
    # A dash between spaces parts; it is no sign of a number.
    plain = _PARTING_DASH.sub(":", folded(sentence))
    # Without its `ß`, what was measured would be a mass.
    plain = _MEASURED.sub("betrug", plain)
    dates = find_dates(plain)
    located = [
        (piece, start)
        for piece, start, end in located_pieces(_without(plain, dates))
        if not piece.isspace()
    ]
    pieces = tuple(piece for piece, _ in located)
    placed = tuple(
        (sum(1 for _, start in located if start < found.start), found) for found in dates
    )
    words, free = _words(pieces)
    if german is None:
        german = _is_german(words)
    quantities = find_quantities(pieces, free, german)
    units = {at for one in quantities for at in range(one.at, one.end)}
    return Reading(
        pieces=pieces,
        words=tuple(word for word in words if not set(range(word.at, word.end)) <= units),
        quantities=quantities,
        dates=placed,
        german=german,
        marks=frozenset(
            piece for piece in pieces if not piece[0].isalnum() and piece not in _MARKS
        ),
    )


def _without(text: str, dates: Sequence[FoundDate]) -> str:
    for found in dates:
        text = text[: found.start] + " " * (found.end - found.start) + text[found.end :]
    return text


def _words(pieces: Sequence[str]) -> tuple[list[Word], list[bool]]:
    """The names among the pieces, and which pieces belong to none."""
    free = [True] * len(pieces)
    words: list[Word] = []
    at = 0
    while at < len(pieces):
        request = lexicon().request(pieces, at)
        match = request or lexicon().longest(pieces, at) or _inflected(pieces, at)
        if match is None:
            piece = pieces[at]
            if piece[0].isalpha() or (piece[0].isdigit() and not is_number(piece)):
                entries = lexicon().parts_of(piece) or (Entry(f"word:{stem(piece)}", "word"),)
                parts = [one for entry in entries for one in _expanded(entry)]
                words.extend(Word(at, at + 1, piece, one) for one in parts)
                free[at] = False
            at += 1
            continue
        length, entry = match
        text = " ".join(pieces[at : at + length])
        words.extend(Word(at, at + length, text, one) for one in _expanded(entry))
        free[at : at + length] = [False] * length
        at += length
    return words, free


def _inflected(pieces: Sequence[str], at: int) -> tuple[int, Entry] | None:
    """A German noun in another case or number than the file has it."""
    piece = pieces[at]
    if len(piece) < _SHORTEST_INFLECTED or not piece.isalpha():
        return None
    for ending in _GERMAN_ENDINGS:
        if piece.endswith(ending):
            found = lexicon().longest((piece.removesuffix(ending),), 0)
            if found is not None and found[1].german and found[1].category != "grammar":
                return found
    return None


def _expanded(entry: Entry) -> list[Entry]:
    parts = [lexicon().concepts[concept] for concept in entry.expands] or [entry]
    if entry.expands and entry.concept == entry.expands[0]:
        parts[0] = replace(entry, expands=())
    found = [replace(part, expands=(), side="", german=entry.german) for part in parts]
    if entry.side in (LEFT, RIGHT):
        found.append(Entry(entry.side, "side"))
    return found


def stem(word: str) -> str:
    """What inflected forms of an unknown word share."""
    word = base(word)
    for ending in ("ing", "ed"):
        if len(word) > len(ending) + 3 and word.endswith(ending):
            return word[: -len(ending)]
    return word[:-1] if len(word) > 4 and word.endswith("e") else word


def _is_german(words: Sequence[Word]) -> bool:
    german = sum(word.entry.german for word in words)
    return german * 2 > sum(word.entry.category != "word" for word in words) - german or (
        german > 0 and german >= sum(1 for word in words if _english_only(word))
    )


def _english_only(word: Word) -> bool:
    return not word.entry.german and word.entry.category == "grammar"
