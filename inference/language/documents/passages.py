"""The passage of a document that answers a question, word for word and with its place."""

import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inference.language.documents.page import Box, Line, Page, around
from inference.language.documents.pairing.topics import folded, vocabulary
from inference.language.documents.pairing.words_alike import are_alike
from inference.language.embedding import embed
from inference.language.guard.instructions import gives_orders

_LONGEST_PASSAGE_LINES = 3
_WORD = re.compile(r"\w+")
# Words that stand in every question and every text (English, German, Dutch).
_COMMON = frozenset(
    "a an the of in on at to for and or is are was were be been did do does what which who whom"
    " when where why how many much with by from it its this that there he she they his her i you"
    " de het een van in op en is zijn der die das den dem ein eine und ist im wie wat hoe wie"
    " hoeveel welke wanneer waar er met te aan".split()
)
_MEANING, _WORDS, _ANSWER_KIND = 1.0, 0.9, 0.25
# Of passages that answer alike the shorter points better.
_EACH_LINE = 0.10
_LEAST_SCORE = 0.30
# Below it, of 1, passages are near, and answer nothing: docs/faithfulness.md.
_LEAST_ANSWERING = 0.40


@dataclass(frozen=True)
class Passage:
    """Lines that follow each other, read as one; a word divided at a line's end is whole."""

    text: str
    page_number: int
    lines: tuple[Line, ...]

    @property
    def box(self) -> Box:
        return around([line.box for line in self.lines])


def passages_of(pages: Sequence[Page]) -> list[Passage]:
    """Every one to three lines in a row. Lines that give orders to a reader are in none.

    None ends with a label: it asks for what stands behind it, and answers nothing.
    """
    found = []
    for page in pages:
        lines = page.lines
        for start in range(len(lines)):
            for end in range(start + 1, min(start + _LONGEST_PASSAGE_LINES, len(lines)) + 1):
                some = lines[start:end]
                text = joined([line.text for line in some])
                if not text.endswith((":", "：")) and not gives_orders(text):
                    found.append(Passage(text, page.page_number, tuple(some)))
    return found


def joined(lines: Sequence[str]) -> str:
    text = ""
    for line in lines:
        if text.endswith("-") and line[:1].islower():
            text = text[:-1] + line.lstrip()
        else:
            text = f"{text} {line.strip()}" if text else line.strip()
    return text


def best_passages(question: str, pages: Sequence[Page], count: int) -> list[tuple[Passage, float]]:
    """Those that answer best, with a score; passages that share a line count once.

    Meaning (MiniLM), words that are rare in the document, and whether the kind of thing asked
    for (a number, a name) stands in the passage. None where nothing comes near.
    """
    passages = passages_of(pages)
    if not passages:
        return []
    alike = _alike(question, passages)
    shared = _shared_words(question, passages)
    scored = []
    for index, passage in enumerate(passages):
        score = _MEANING * alike[index] + _WORDS * shared[index]
        score += _ANSWER_KIND * _has_kind(question, passage.text)
        scored.append((score - _EACH_LINE * (len(passage.lines) - 1), index))
    chosen: list[tuple[Passage, float]] = []
    for score, index in sorted(scored, reverse=True):
        passage = passages[index]
        if score < _LEAST_SCORE or len(chosen) == count:
            break
        if not any(set(passage.lines) & set(other.lines) for other, _ in chosen):
            chosen.append((passage, min(score / (_MEANING + _WORDS + _ANSWER_KIND), 1.0)))
    return chosen


def answering_passages(
    question: str, pages: Sequence[Page], count: int
) -> list[tuple[Passage, float]]:
    """Those of `best_passages` that answer: near enough, and with words of their own."""
    asked = [word for word in _words(question) if word not in _COMMON]
    own = vocabulary().own
    return [
        (passage, score)
        for passage, score in best_passages(question, pages, count)
        if score >= _LEAST_ANSWERING
        and not all(
            word in _COMMON or any(are_alike(folded(word), folded(one), own) for one in asked)
            for word in _words(passage.text)
        )
    ]


def _alike(question: str, passages: Sequence[Passage]) -> list[float]:
    """How near in meaning each passage is: of several lines, what they mean together.

    Lines are embedded once, and not again in each passage that they are part of.
    """
    lines = list(dict.fromkeys(line.text for passage in passages for line in passage.lines))
    vectors = embed([question, *lines])
    places = {text: index for index, text in enumerate(lines, start=1)}
    alike = []
    for passage in passages:
        together = vectors[[places[line.text] for line in passage.lines]].sum(0)
        length = max(float(np.linalg.norm(together)), 1e-9)
        alike.append(float(together @ vectors[0]) / length)
    return alike


def _shared_words(question: str, passages: Sequence[Passage]) -> list[float]:
    """How much of the question's weight each passage has, from 0 to 1; rare words weigh more.

    Words match by their beginnings, since scans misread and languages bend endings, and runs
    of words without a space between them are looked into.
    """
    wanted = [word for word in _words(question) if word not in _COMMON and len(word) > 1]
    texts = [one.text.lower().replace(" ", "") for one in passages]
    words = [_words(one.text) for one in passages]
    found_in = Counter(
        word
        for word in set(wanted)
        for text, some in zip(texts, words, strict=True)
        if _holds(word, text, some)
    )
    weights = {word: math.log(1 + len(passages) / (1 + found_in[word])) for word in set(wanted)}
    total = sum(weights.values()) or 1.0
    return [
        sum(weight for word, weight in weights.items() if _holds(word, text, some)) / total
        for text, some in zip(texts, words, strict=True)
    ]


def _holds(word: str, text: str, words: list[str]) -> bool:
    if len(word) < 5:
        return word in words
    stem = word[: max(4, math.ceil(len(word) * 0.7))]
    return stem in text


def _words(text: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(text)]


def _has_kind(question: str, text: str) -> float:
    """Whether what is asked for could stand in the text: a number for "how many"."""
    asks_number = re.search(
        r"\bhow (?:many|much|long|large|old|big|often)\b|\bhoeveel\b|\bhoe lang\b|\bwie ?viel"
        r"|\bwie (?:lange|groß|oft)\b|\bwhat (?:number|dose|volume|size|age|time|date)\b|\bwhen\b",
        question,
        re.IGNORECASE,
    )
    if not asks_number:
        return 0.0
    numbers = r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|half|helft)\b|\bl\b"
    return 1.0 if re.search(numbers, text, re.IGNORECASE) else -1.0
