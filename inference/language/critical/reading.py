"""Critical findings in a text: each with its sentence, and whether it is there now."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from inference.language.critical.concepts import Concept, lexicon
from inference.language.critical.forms import Form, Span, Word, distance, overlap, placements_of
from inference.language.critical.sites import sites_of
from inference.language.critical.status import (
    Status,
    answers,
    parts_clauses,
    status_of,
    triggers_of,
)
from inference.language.critical.tokens import Token, tokens_of
from inference.language.guard.sections import is_preamble
from inference.language.guard.sentences import split_sentences
from inference.language.placed_sentences import placed_sentences

_LEFT = frozenset("left links linke linken linker linkes linksseitig linksseitige".split())
_RIGHT = frozenset("right rechts rechte rechten rechter rechtes rechtsseitig rechtsseitige".split())
_BOTH = frozenset("bilateral bilaterally both beidseits bds beide beiden beidseitig".split())
_LONGEST = 2_000
_NOT_ASSESSED = re.compile(
    r"\s*(?:not (?:assessed|evaluated|assessable)|nicht (?:beurteilt|untersucht|beurteilbar)):"
    r"[^;]*",
    re.IGNORECASE,
)
# In English the lower extremity, an enlarged left atrium, a spontaneous abortion.
_GERMAN_ABBREVIATIONS = frozenset(("LE", "LAE", "SAB"))
_ENGLISH_WORDS = frozenset("the of with is are has had and for no there left right from".split())
_GERMAN_WORDS = frozenset(
    "der die das des dem den und mit ohne kein keine ist sind ein eine einer von bei nach zum zur"
    " im links rechts nicht".split()
)
# The less a status says of the finding, the later it stands.
_ORDER = (Status.PRESENT, Status.UNCERTAIN, Status.OTHER, Status.PAST, Status.DENIED)


@dataclass(frozen=True)
class Critical:
    """A critical finding that a sentence names. `sides`, `sites`: those that its clause names, or
    else the sentence."""

    concept: Concept
    status: Status
    sentence: str
    sides: frozenset[str] = frozenset()
    sites: frozenset[str] = frozenset()

    @property
    def is_current(self) -> bool:
        """Whether it must be stated: it is there now, or cannot be excluded."""
        return self.status in (Status.PRESENT, Status.UNCERTAIN)


def criticals_of(text: str, year: int | None = None) -> tuple[Critical, ...]:
    """What a text says of critical findings, in its order.

    What stands under indication, history, technique and comparison is no finding. Of a sentence
    that names a finding and a wider kind of it with the same status, the narrower counts.
    `year`: in which the text was written; None: this one.
    """
    return tuple(
        critical
        for placed in placed_sentences(text)
        if not is_preamble(placed.heading)
        for sentence in _sentences(placed.text)
        for critical in in_sentence(sentence, year)
    )


def current_in(text: str, year: int | None = None) -> list[Critical]:
    """What sentences without headings say is there now, or cannot be excluded.

    `year`: in which they were written; None: this one.
    """
    found = [one for sentence in _sentences(text) for one in in_sentence(sentence, year)]
    return [one for one in found if one.is_current]


def _sentences(text: str) -> Iterator[str]:
    """Sentences, a question with its answer as one."""
    found = [_assessed(text[start:end]) for start, end in split_sentences(text)]
    for at, sentence in enumerate(found):
        if at and found[at - 1].endswith("?") and answers(tokens_of(sentence)):
            continue
        following = found[at + 1] if at + 1 < len(found) else ""
        if sentence.endswith("?") and answers(tokens_of(following)):
            yield f"{sentence} {following}"
        else:
            yield from _pieces(sentence)


def _assessed(sentence: str) -> str:
    """Without the list of what was not looked for, with which reports of measurements end."""
    listed = _NOT_ASSESSED.match(sentence)
    return sentence[listed.end() :] if listed else sentence


def _pieces(sentence: str) -> Iterator[str]:
    """A text without points is read in pieces, so that its length costs no more than that."""
    start = 0
    while len(sentence) - start > _LONGEST:
        space = sentence.rfind(" ", start, start + _LONGEST)
        end = space if space > start else start + _LONGEST
        yield sentence[start:end]
        start = end
    yield sentence[start:]


def in_sentence(sentence: str, year: int | None = None) -> tuple[Critical, ...]:
    """The critical findings that one sentence names, whatever it says of them.

    `year`: in which it was written; None: this one.
    """
    year = datetime.now(UTC).year if year is None else year
    tokens = tokens_of(sentence)
    read = [lexicon().vocabulary.read(one) for one in tokens]
    places: dict[str, list[list[Span]]] = {}
    english = _is_english(tokens)
    for name, form in _candidates(read):
        if english and form.text in _GERMAN_ABBREVIATIONS:
            continue
        for spans in placements_of(form, read, tokens):
            places.setdefault(name, []).append(spans)
    if not places:
        return ()
    triggers = triggers_of(tokens)
    found: dict[str, Status] = {}
    at: dict[str, list[list[Span]]] = {}
    for name, some in places.items():
        concept = lexicon().concepts[name]
        kept = [spans for spans in some if not _is_excluded(concept, spans, read, tokens)]
        stated = [
            status_of(one, tokens, triggers, chronic=concept.chronic, year=year) for one in kept
        ]
        if stated:
            found[name] = min(stated, key=_ORDER.index)
            at[name] = [
                one for one, status in zip(kept, stated, strict=True) if status == found[name]
            ]
    criticals = []
    for name, status in found.items():
        narrower = [
            span
            for other in found
            if name in lexicon().wider(other) and other != name and found[other] == status
            for spans in _nearest(at[other])
            for span in spans
        ]
        alone = [
            one for one in _nearest(at[name]) if not any(overlap(one[0], span) for span in narrower)
        ]
        if alone:
            clauses = [_clause(one, tokens) for one in alone]
            sides = frozenset().union(*(_sides(one) or _sides(tokens) for one in clauses))
            sites = frozenset().union(*(sites_of(one) or sites_of(tokens) for one in clauses))
            criticals.append(Critical(lexicon().concepts[name], status, sentence, sides, sites))
    return tuple(criticals)


def _nearest(placements: Sequence[list[Span]]) -> Iterator[list[Span]]:
    """Of those that share a later part the nearest: of two fractures one is the rib's."""
    by_later: dict[Span, list[Span]] = {}
    for spans in placements:
        if len(spans) == 1:
            yield spans
            continue
        other = by_later.get(spans[1])
        if other is None or distance(spans[0], spans[1]) < distance(other[0], other[1]):
            by_later[spans[1]] = spans
    yield from by_later.values()


def _clause(spans: Sequence[Span], tokens: Sequence[Token]) -> Sequence[Token]:
    start, end = min(one for one, _ in spans), max(one for _, one in spans)
    while start > 0 and not parts_clauses(tokens[start - 1]):
        start -= 1
    while end < len(tokens) and not parts_clauses(tokens[end]):
        end += 1
    return tokens[start:end]


def _is_english(tokens: Sequence[Token]) -> bool:
    words = {one.text for one in tokens}
    return bool(words & _ENGLISH_WORDS) and not words & _GERMAN_WORDS


def _candidates(read: Sequence[frozenset[Word]]) -> Iterator[tuple[str, Form]]:
    seen: set[tuple[str, str]] = set()
    for words in read:
        for word in words:
            for name, form in lexicon().by_word.get(word, ()):
                if (name, form.text) not in seen:
                    seen.add((name, form.text))
                    yield name, form


def _is_excluded(
    concept: Concept,
    spans: Sequence[Span],
    read: Sequence[frozenset[Word]],
    tokens: Sequence[Token],
) -> bool:
    """Whether a phrase stands there that is written like it and says something else."""
    return any(
        other[0] < end + 1 and start - 1 < other[1]
        for form in concept.excluded
        for placement in placements_of(form, read, tokens)
        for other in placement
        for start, end in spans
    )


def _sides(tokens: Sequence[Token]) -> frozenset[str]:
    words = {one.text for one in tokens}
    found = {side for side, names in (("left", _LEFT), ("right", _RIGHT)) if words & names}
    return frozenset(("left", "right")) if words & _BOTH else frozenset(found)
