"""The sentences of a text that matter, word for word.

A sentence counts for how much it is like the whole, how much it speaks of something found
rather than of something normal, and for standing under the impression. What may be an
emergency is always among them.
"""

from collections.abc import Callable

import numpy as np

from inference.language.critical.concepts import lexicon
from inference.language.critical.omissions import is_stated
from inference.language.critical.reading import current_in
from inference.language.embedding import Vectors, embed
from inference.language.guard.sections import concludes, is_preamble
from inference.language.placed_sentences import Placed, placed_sentences

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


def different_sentences(text: str) -> list[Placed]:
    """The sentences of a text in order, each once."""
    return list(dict.fromkeys(placed_sentences(text)))


def nothing() -> None:
    """For callers that nobody stops."""


def most_telling(
    sentences: list[Placed],
    count: int,
    on_step: Callable[[], None] = nothing,
    year: int | None = None,
) -> list[Placed]:
    """At most `count` sentences, more only where more are critical.

    First what is critical and not in the text's own conclusion, the most urgent first; then the
    conclusion in the order of the text, or, of a text that concludes nothing, what scores
    highest among its first `MOST_COMPARED`. `on_step` is called
    between steps of the work, and may raise to end it. `year`: in which the text was written;
    None: this one.
    """
    if not sentences:
        return []
    concluded = [index for index, one in enumerate(sentences) if concludes(one.heading)][:count]
    critical = _critical_beside(sentences, concluded, year)
    chosen = [*critical, *concluded]
    if not concluded and len(chosen) < min(count, len(sentences)):
        _add_highest(sentences[:MOST_COMPARED], count, chosen, on_step)
    others = sorted(set(chosen) - set(critical))
    return [sentences[index] for index in (*critical, *others)]


def _critical_beside(sentences: list[Placed], concluded: list[int], year: int | None) -> list[int]:
    """The sentences that name a critical finding which those of `concluded` do not state, the most
    urgent first."""
    stated = [one for index in concluded for one in current_in(sentences[index].text, year)]
    found: dict[int, int] = {}
    for index, one in enumerate(sentences):
        if index in concluded or is_preamble(one.heading):
            continue
        named = current_in(one.text, year)
        missing = [critical for critical in named if not is_stated(critical, stated)]
        if missing:
            stated += missing
            found[index] = min(lexicon().order[critical.concept.category] for critical in missing)
    return sorted(found, key=lambda index: (found[index], index))


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
    if concludes(heading):
        return _CONCLUDES
    return _PREPARES if is_preamble(heading) else 0.0


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
