"""Sentences of a page's running text, and of a long one the part that answers."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from inference.language.documents.pairing.asking import DATE, NUMBER, SPAN, Asked
from inference.language.documents.pairing.layout import Piece, Placed, Row
from inference.language.documents.pairing.topics import places_of_words, same_unit, units_of
from inference.language.guard.sentences import sentence_ends

_SHORT_WORDS = 12
_LEAST_WORDS, _MOST_WORDS = 4, 300
# Of the page's width.
_RAGGED = 0.25
_JOINS = frozenset(("and", "but", "und", "aber", "sowie"))
# "Assessment: ..." begins a paragraph.
_LABELLED = re.compile(r"^(?:\S+ ){0,4}[^\W\d_]+[:：](?:\s|$)")
_RATE = re.compile(
    r"(?:[^\W\d_]+ )??"
    r"(?:(?:a|per|each|every|pro|am) (?:day|week|month|hour|year|tag|woche|monat|jahr)"
    r"|(?:(?:once|twice|einmal|zweimal|dreimal) )?(?:daily|weekly|monthly|täglich|wöchentlich))\b",
    re.IGNORECASE,
)
_CLAUSE = re.compile(r"[,;]$")


@dataclass(frozen=True)
class Sentence:
    words: tuple[Placed, ...]
    page_number: int

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)


def sentences_of(rows: Sequence[Row], skipped: frozenset[int]) -> Iterator[Sentence]:
    """Of paragraphs: lines that follow each other closely from the same left edge."""
    for paragraph in _paragraphs(rows, skipped):
        words = [word for piece in paragraph for word in piece.words]
        text = " ".join(word.text for word in words)
        starts, position = [], 0
        for word in words:
            starts.append(position)
            position += len(word.text) + 1
        first = 0
        for end in [*sentence_ends(text), len(text) + 1]:
            last = bisect_left(starts, end)
            if last - first >= _LEAST_WORDS:
                some = words[first : min(last, first + _MOST_WORDS)]
                yield Sentence(tuple(some), paragraph[0].page_number)
            first = last


def _paragraphs(rows: Sequence[Row], skipped: frozenset[int]) -> Iterator[list[Piece]]:
    paragraph: list[Piece] = []
    for row in rows:
        piece = row[0]
        goes_on = (
            paragraph
            and len(row) == 1
            and piece.row not in skipped
            and not _LABELLED.match(piece.text)
            # A line that ends early ends its paragraph.
            and piece.right - paragraph[-1].right < _RAGGED
            and abs(piece.left - paragraph[0].left) < 2 * piece.height
            and piece.top - paragraph[-1].bottom < 0.75 * piece.height
            and abs(piece.height - paragraph[-1].height) < 0.3 * piece.height
        )
        if not goes_on:
            if paragraph:
                yield paragraph
            paragraph = []
        if piece.row in skipped:
            continue
        if len(row) == 1:
            paragraph.append(piece)
        else:
            for one in row:
                yield [one]
    if paragraph:
        yield paragraph


def answering_part(asked: Asked, sentence: Sentence) -> tuple[Placed, ...]:
    """A short sentence as it stands; of a long one the clause that has what is asked for."""
    words = sentence.words
    if len(words) <= _SHORT_WORDS:
        return words
    units = units_of(sentence.text)
    hits = [unit for unit in units if any(same_unit(unit, other) for other in asked.units)]
    if not hits:
        return words
    places = places_of_words([word.text for word in words]) or [0]
    at = [places[min(unit.at, len(places) - 1)] for unit in hits]
    last = places[min(hits[-1].end - 1, len(places) - 1)]
    span = _nearest_span(asked, words, last) if asked.kind in ("date", "number") else None
    first, end = min(at), max(*at, last) + 1
    if span is not None:
        # The nearest words that name it, and what they name.
        near = [one for one in at if abs(one - span[0]) <= _SHORT_WORDS] or at
        last = max(max(near) + 1, span[1])
        last += _size_of_rate(words[last:])
        return words[min(*near, span[0]) : last]
    while first > 0 and not _CLAUSE.search(words[first - 1].text):
        first -= 1
    while end < len(words) and not (
        _CLAUSE.search(words[end - 1].text) or words[end].text in _JOINS
    ):
        end += 1
    return words[first:end]


def _size_of_rate(words: Sequence[Placed]) -> int:
    """How many words go on with how often: "a day", "twice daily"."""
    found = _RATE.match(" ".join(word.text for word in words[:4]))
    return len(found.group().split()) if found else 0


def _nearest_span(asked: Asked, words: Sequence[Placed], after: int) -> tuple[int, int] | None:
    text = " ".join(word.text for word in words)
    starts = []
    position = 0
    for word in words:
        starts.append(position)
        position += len(word.text) + 1
    patterns = (DATE, SPAN) if asked.kind == "date" else (NUMBER,)
    spans = []
    for pattern in patterns:
        for found in pattern.finditer(text):
            first = bisect_right(starts, found.start()) - 1
            end = bisect_left(starts, found.end())
            spans.append((first, end))
    if not spans:
        return None

    def distance(span: tuple[int, int]) -> int:
        """What stands behind the words that name it is nearer than what stands before them."""
        return span[0] - after if span[0] >= after else 2 * (after - span[1]) + 3

    return min(spans, key=distance)
