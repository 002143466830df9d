"""The sentences of a text that matter, word for word.

A sentence counts for how much it is like the whole, how much it speaks of something found
rather than of something normal, and for standing under the impression. What may be an
emergency is always among them.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from inference.language.embedding import Vectors, embed
from inference.language.sentences import heading_of, split_blocks, split_sentences

_CONCLUSIONS = re.compile(
    r"impression|conclusion|summary|opinion|recommend|beurteilung|zusammenfassung", re.I
)
_PREAMBLE = re.compile(
    r"clinical|indication|history|technique|comparison|procedure|exam|klinik|anamnese|technik"
    r"|fragestellung|vergleich",
    re.I,
)
_BEGINS = re.compile(r"^\s*([A-Z][A-Za-z ]{2,30}):[ \t]+(?=\S)")
_LABELLED = re.compile(r"^[A-ZÄÖÜ][\w/&() ]{2,40}:\s")
_URGENT = re.compile(
    r"\b(?:\w*pneumothora\w*|h(?:a)?emorrhag\w*|h(?:a)?ematoma|embol\w+|dissection|rupture\w*"
    r"|free air|pneumoperitoneum|perforat\w+|isch(?:a)?emi\w+|infarct\w*|stroke|herniation"
    r"|midline shift|torsion|tamponade|fractur\w+|malpositioned|severe \w+|blutung|embolie"
    r"|dissektion|fraktur)\b",
    re.I,
)
_DENIED = re.compile(
    r"\b(?:no|not|without|negative for|absence of|free of|rule out|r/o|exclude\w*|concern for"
    r"|kein\w*|ohne|nicht)\b",
    re.I,
)
_FOUND = (
    "An abnormal finding such as a mass, fracture, effusion or enlargement is present.",
    "Follow-up or further examination is recommended.",
)
_NORMAL = ("The organ is normal and unremarkable.", "The examination was performed with contrast.")
# How much each counts, and how much a sentence loses that says what another says already.
_LIKE_WHOLE, _LIKE_FOUND, _CONCLUDES, _PREPARES, _ALIKE = 1.0, 0.8, 0.6, -0.6, 0.7

MOST_COMPARED = 2000
"""Sentences that are compared with each other, the first ones: several times what reports have."""
# Some tenths of a second of work.
_PORTION = 64


@dataclass(frozen=True)
class Placed:
    """A sentence and the heading under which it stands, empty where it has none."""

    text: str
    heading: str


def placed_sentences(text: str) -> list[Placed]:
    """The sentences of a text in order. A heading may stand alone or begin a line.

    What stands under the conclusion, or after a label such as "RIGHT BREAST:", stays together:
    a sentence that loses its side says something else.
    """
    found: list[Placed] = []
    heading = ""
    lines: list[str] = []

    def close() -> None:
        for block in split_blocks("\n".join(lines)):
            together = _CONCLUSIONS.search(heading) or _LABELLED.match(block)
            for one in [block] if together else split_sentences(block):
                found.append(Placed(one, heading))
        lines.clear()

    for line in text.replace("\r\n", "\n").split("\n"):
        alone = heading_of(line)
        begins = _BEGINS.match(line)
        if alone:
            close()
            heading = alone
        elif begins and (_CONCLUSIONS.search(begins[1]) or _PREAMBLE.search(begins[1])):
            close()
            heading = begins[1]
            lines.append(line[begins.end() :])
        else:
            lines.append(line)
    close()
    return found


def different_sentences(text: str) -> list[Placed]:
    """The sentences of a text in order, each once."""
    return list(dict.fromkeys(placed_sentences(text)))


def nothing() -> None:
    """For callers that nobody stops."""


def most_telling(
    sentences: list[Placed], count: int, on_step: Callable[[], None] = nothing
) -> list[Placed]:
    """At most `count` sentences in the order of the text, more only where more are urgent.

    The text's own conclusion and what is urgent and not in it; of a text that concludes
    nothing, those that score highest, among its first `MOST_COMPARED`. `on_step` is called
    between steps of the work, and may raise to end it.
    """
    if not sentences:
        return []
    chosen = [index for index, one in enumerate(sentences) if _CONCLUSIONS.search(one.heading)][
        :count
    ]
    stated = {word for index in chosen for word in _urgent_words(sentences[index].text)}
    for index, one in enumerate(sentences):
        words = _urgent_words(one.text)
        if words and not words <= stated and not _PREAMBLE.search(one.heading):
            chosen.append(index)
            stated |= words
    concludes = any(_CONCLUSIONS.search(sentences[index].heading) for index in chosen)
    if not concludes and len(chosen) < min(count, len(sentences)):
        _add_highest(sentences[:MOST_COMPARED], count, chosen, on_step)
    return [sentences[index] for index in sorted(set(chosen))]


def _add_highest(
    sentences: list[Placed], count: int, chosen: list[int], on_step: Callable[[], None]
) -> None:
    vectors = _vectors(sentences, on_step)
    scores = _scores(sentences, vectors)
    others = [index for index in chosen if index < len(sentences)]
    while len(chosen) < count:
        on_step()
        best = _next(scores, vectors, others)
        if best is None:
            return
        chosen.append(best)
        others.append(best)


def _vectors(sentences: list[Placed], on_step: Callable[[], None]) -> Vectors:
    found = []
    for start in range(0, len(sentences), _PORTION):
        on_step()
        found.append(embed([one.text for one in sentences[start : start + _PORTION]]))
    return np.concatenate(found)


def _scores(sentences: list[Placed], vectors: Vectors) -> Vectors:
    centre = vectors.mean(0)
    centre /= max(float(np.linalg.norm(centre)), 1e-9)
    anchors = embed([*_FOUND, *_NORMAL])
    alike = vectors @ anchors.T
    found = alike[:, : len(_FOUND)].max(1) - alike[:, len(_FOUND) :].max(1)
    place = np.array([_place(one.heading) for one in sentences], np.float32)
    scores: Vectors = _LIKE_WHOLE * (vectors @ centre) + _LIKE_FOUND * found + place
    return scores


def _place(heading: str) -> float:
    if _CONCLUSIONS.search(heading):
        return _CONCLUDES
    return _PREPARES if _PREAMBLE.search(heading) else 0.0


def _urgent_words(sentence: str) -> set[str]:
    """The words in it that cannot wait and are not denied before they come."""
    return {
        match.group().lower()
        for match in _URGENT.finditer(sentence)
        if not _DENIED.search(sentence[: match.start()])
    }


def _next(scores: Vectors, vectors: Vectors, chosen: list[int]) -> int | None:
    best, best_score = None, -np.inf
    for index in range(len(scores)):
        if index in chosen:
            continue
        alike = max((float(vectors[index] @ vectors[other]) for other in chosen), default=0.0)
        if alike > _ALIKE:
            continue
        score = float(scores[index]) - 0.5 * max(alike, 0.0)
        if score > best_score:
            best, best_score = index, score
    return best
