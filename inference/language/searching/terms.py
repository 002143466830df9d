"""The words of a question or a sentence as concepts, alike in English and German."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache

from inference.language.critical.tokens import Token
from inference.language.guard.lexicon import Entry, base, lexicon

# Words that ask, and none of a report.
_ASKING = frozenset(
    "find show search list all any some which who where what how many much there than please give"
    " reports report case cases people person signs sign evidence"
    " zeige suche finde alle welche welcher welches wer wo wie viele befunde befund fälle hinweis"
    " hinweise anzeichen gibt es patienten mit ohne".split()
)
_DROPPED = frozenset(("grammar", "trigger", "relation", "modality"))


@dataclass(frozen=True)
class Term:
    """One concept, or a word that is none. `start`, `end`: its tokens; `words`: what these are."""

    concept: str
    category: str
    start: int
    end: int
    words: frozenset[str] = frozenset()

    @property
    def is_thing(self) -> bool:
        """Whether it is what is looked for, and not where or how it is."""
        return self.category in ("thing", "property", "unknown")

    @property
    def is_named(self) -> bool:
        return self.category == "thing"


def terms_of(tokens: Sequence[Token], *, every_word: bool = False) -> list[Term]:
    """In order. `every_word`: words that ask or join are terms, too."""
    pieces = [base(one.raw.casefold()) for one in tokens]
    found: list[Term] = []
    at = 0
    while at < len(pieces):
        named = lexicon().longest(pieces, at)
        size = named[0] if named else 1
        words = frozenset(pieces[at : at + size])
        found += (
            replace(one, words=words)
            for one in _terms_at(pieces[at], named[1] if named else None, at, at + size, every_word)
        )
        at += size
    return found


def _terms_at(
    piece: str, entry: Entry | None, start: int, end: int, every_word: bool
) -> Iterator[Term]:
    if not piece[0].isalnum():
        return
    if entry is None:
        parts = lexicon().parts_of(piece)
        for part in parts:
            yield from _of_entry(part, start, end)
        if piece[0].isdigit():
            yield Term(piece.replace(",", "."), "number", start, end)
        elif not parts and len(piece) > 1 and (every_word or piece not in _ASKING):
            yield Term(piece, "unknown", start, end)
    elif entry.category not in _DROPPED and (every_word or piece not in _ASKING):
        yield from _of_entry(entry, start, end)
    elif every_word:
        yield Term(piece, "grammar", start, end)


def _of_entry(entry: Entry, start: int, end: int) -> Iterator[Term]:
    for concept in entry.expands or (entry.concept,):
        of = lexicon().concepts.get(concept, entry)
        yield Term(concept, of.category, start, end)
    if entry.side and not entry.expands:
        yield Term(entry.side, "side", start, end)


def is_kind_of(concept: str, wider: str) -> bool:
    """Whether a concept is another one, a kind of it, or a part of it."""
    seen: set[str] = set()
    waiting = [concept]
    while waiting:
        one = waiting.pop()
        if one == wider:
            return True
        if one in seen:
            continue
        seen.add(one)
        entry = lexicon().concepts.get(one)
        if entry is not None:
            waiting += [*entry.kind_of, *filter(None, (entry.part_of,))]
    return False


def site_of(concept: str) -> str:
    """Where a thing always is, if that need not be written."""
    entry = lexicon().concepts.get(concept)
    return entry.site if entry is not None else ""


def words_for(concept: str) -> frozenset[str]:
    """Each one of them stands in a text that names the concept or a narrower one."""
    return frozenset(
        word
        for name in _narrower().get(concept, {concept})
        for word in _words().get(name, (concept,))
    )


@cache
def _words() -> Mapping[str, frozenset[str]]:
    """Of each form the longest word, by concept."""
    found: dict[str, set[str]] = defaultdict(set)
    for group in lexicon().forms.values():
        for form, entry in group:
            longest = max(form, key=len)
            for concept in {entry.concept, *entry.expands}:
                found[concept].add(longest)
    return {concept: frozenset(_shortest(words)) for concept, words in found.items()}


def _shortest(words: set[str]) -> Iterator[str]:
    """Without those that hold another one."""
    kept: list[str] = []
    for word in sorted(words, key=len):
        if not any(other in word for other in kept):
            kept.append(word)
            yield word


@cache
def _narrower() -> Mapping[str, set[str]]:
    found: dict[str, set[str]] = defaultdict(set)
    for concept in lexicon().concepts:
        waiting, seen = [concept], set()
        while waiting:
            one = waiting.pop()
            if one in seen:
                continue
            seen.add(one)
            found[one].add(concept)
            entry = lexicon().concepts.get(one)
            waiting += [*entry.kind_of] if entry is not None else []
    return found
