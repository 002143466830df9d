"""How a concept is written: phrases of words, some of which must stand in one clause.

`free air` are words beside each other, with up to two others between. `x + y` must stand in one
clause in any order. `a/b c` in the first part are choices of a word, in later parts choices of
phrases. `word~`, `~word` and `~word~` stand for any ending, any beginning, or both. Capitals are
abbreviations, which count as capitals alone (`PE`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property

from inference.language.critical.tokens import Token, raw_tokens, spelled, without_genitive

Span = tuple[int, int]
"""First token, and the one after the last."""
_ENDINGS = ("", "e", "en", "er", "em", "n", "s", "es", "ed", "d", "ern", "ens")
_ADJECTIVE_ENDINGS = ("er", "es", "en", "em", "e")
_OTHER_PLURALS = (
    ("sis", "ses"), ("y", "ies"), ("us", "i"), ("um", "a"), ("ma", "men"), ("ma", "mata"),
    ("us", "en"),
)  # fmt: skip
_SHORTEST_INFLECTED = 4
_MOST_BETWEEN = 2
_NOT_BETWEEN = frozenset(
    "and or nor no not without but with und oder kein keine keinen keiner nicht ohne noch mit aber"
    " is are was were ist sind war waren increased increase more normal".split()
)
# `Free of air` is no free air.
_SAYS_WITHOUT = frozenset((("free", "of"), ("free", "from"), ("frei", "von")))
# These are written in both ways.
_ALSO_SMALL = frozenset("BI TI PI LI LR RADS".split())


@dataclass(frozen=True)
class Word:
    """One word of a phrase."""

    text: str
    begins: bool = False
    ends: bool = False
    capitals: bool = False


Phrase = tuple[frozenset[Word], ...]
"""Words in order, each with its choices."""


@dataclass(frozen=True)
class Form:
    """The parts that must all stand in one clause, each with its choices of phrases."""

    text: str
    parts: tuple[tuple[Phrase, ...], ...]


@dataclass
class Vocabulary:
    """Which of the words of many phrases a token is, without trying each."""

    words: set[Word] = field(default_factory=set)

    def add(self, form: Form) -> None:
        for part in form.parts:
            for phrase in part:
                for choices in phrase:
                    self.words |= choices

    @cached_property
    def _whole(self) -> dict[str, list[Word]]:
        found = defaultdict(list)
        for word in self.words:
            if not (word.begins or word.ends or word.capitals):
                for text in _inflected(word.text):
                    found[text].append(word)
        return found

    @cached_property
    def _beginnings(self) -> dict[str, list[Word]]:
        return self._by_text(begins=True, ends=False)

    @cached_property
    def _endings(self) -> dict[str, list[Word]]:
        found = defaultdict(list)
        for word in self.words:
            if word.ends and not word.begins:
                for text in _inflected(word.text):
                    found[text].append(word)
        return found

    @cached_property
    def _within(self) -> dict[str, list[Word]]:
        return self._by_text(begins=True, ends=True)

    @cached_property
    def _capitals(self) -> dict[str, list[Word]]:
        found = defaultdict(list)
        for word in self.words:
            if word.capitals:
                found[word.text].append(word)
        return found

    def _by_text(self, *, begins: bool, ends: bool) -> dict[str, list[Word]]:
        found = defaultdict(list)
        for word in self.words:
            if (word.begins, word.ends) == (begins, ends):
                found[word.text].append(word)
        return found

    def read(self, token: Token) -> frozenset[Word]:
        """The words that it is."""
        text = token.text
        if not token.is_word:
            return frozenset()
        found = [*self._whole.get(text, ()), *self._capitals.get(token.raw, ())]
        for at in range(1, len(text) + 1):
            found += self._beginnings.get(text[:at], ())
            found += self._endings.get(text[at - 1 :], ())
        found += [one for part, words in self._within.items() if part in text for one in words]
        return frozenset(found)


def form_of(text: str) -> Form:
    """Raises ValueError where it has no word."""
    first, *later = [part.strip() for part in text.split("+")]
    parts = [
        (tuple(_choices(word.split("/")) for word in first.split()),),
        *(
            tuple(tuple(_choices([word]) for word in phrase.split()) for phrase in part.split("/"))
            for part in later
        ),
    ]
    # A hyphen parts a word in sentences, too.
    cut = tuple(tuple(_without_hyphens(phrase) for phrase in part) for part in parts)
    if not all(phrase for part in cut for phrase in part):
        raise ValueError(f"The form '{text}' has an empty part.")
    return Form(text, cut)


def placements_of(
    form: Form, read: Sequence[frozenset[Word]], tokens: Sequence[Token]
) -> Iterator[list[Span]]:
    """Each place where the form stands: the spans of its parts, the first part's first."""
    firsts, *laters = [
        [span for phrase in part for span in phrase_spans(phrase, read, tokens)]
        for part in form.parts
    ]
    for first in firsts:
        found = [first]
        for spans in laters:
            free = [one for one in spans if not any(overlap(one, other) for other in found)]
            if not free:
                break
            # What stands nearest to the first part belongs to it.
            found.append(min(free, key=lambda one: distance(one, found[0])))
        else:
            yield found


def phrase_spans(
    phrase: Phrase,
    read: Sequence[frozenset[Word]],
    tokens: Sequence[Token],
    most_between: int = _MOST_BETWEEN,
    between: frozenset[str] | None = None,
) -> Iterator[Span]:
    """Each place where the words follow each other; `between`: what alone may part them."""
    for start in range(len(tokens)):
        if not read[start] & phrase[0]:
            continue
        end = start + 1
        for choices in phrase[1:]:
            limit = min(end + most_between + 1, len(tokens))
            for at in range(end, limit):
                if read[at] & choices:
                    end = at + 1
                    break
                may_part = (
                    tokens[at].text in between
                    if between is not None
                    else tokens[at].text.isalpha()
                    and tokens[at].text not in _NOT_BETWEEN
                    and (tokens[start].text, tokens[at].text) not in _SAYS_WITHOUT
                )
                if not may_part:
                    limit = -1
                    break
            else:
                limit = -1
            if limit == -1:
                break
        else:
            yield start, end


def overlap(one: Span, other: Span) -> bool:
    return one[0] < other[1] and other[0] < one[1]


def distance(one: Span, other: Span) -> int:
    return max(other[0] - one[1], one[0] - other[1])


def _choices(texts: Sequence[str]) -> frozenset[Word]:
    return frozenset(_word(text) for text in texts if text)


def _word(text: str) -> Word:
    bare = without_genitive(text.strip("~."))
    if bare.isalpha() and bare.isupper() and len(bare) > 1 and bare not in _ALSO_SMALL:
        return Word(bare, capitals=True)
    return Word(spelled(bare), begins=text.endswith("~"), ends=text.startswith("~"))


def _without_hyphens(phrase: Phrase) -> Phrase:
    cut: list[frozenset[Word]] = []
    for choices in phrase:
        (one, *others) = choices
        if others or "-" not in one.text:
            cut.append(choices)
        else:
            cut += [frozenset((Word(spelled(piece)),)) for piece in raw_tokens(one.text)]
    return tuple(cut)


def _inflected(text: str) -> Iterator[str]:
    yield text
    if len(text) < _SHORTEST_INFLECTED or not text.isalpha():
        if text.isalpha() and len(text) > 2:
            yield f"{text}s"
        return
    for ending in _ENDINGS[1:]:
        yield text + ending
    for ending in _ADJECTIVE_ENDINGS:
        if text.endswith(ending) and len(text) - len(ending) >= _SHORTEST_INFLECTED - 1:
            stem = text.removesuffix(ending)
            yield stem
            yield from (stem + other for other in _ADJECTIVE_ENDINGS)
            break
    for singular, plural in _OTHER_PLURALS:
        if text.endswith(singular):
            yield text.removesuffix(singular) + plural
