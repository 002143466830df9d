"""The value that a document gives to a question in other words than its own."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from inference.language.documents.meaning import vectors
from inference.language.documents.meaning.candidates import Candidate
from inference.language.documents.meaning.columns import chosen_cell, is_of_limits, ordinal_of
from inference.language.documents.meaning.kinds import is_of_kind
from inference.language.documents.pairing.asking import Asked, in_text
from inference.language.documents.pairing.candidates import Found
from inference.language.documents.pairing.layout import Placed
from inference.language.documents.pairing.matching import is_opposite, matched
from inference.language.documents.pairing.page_layout import PageLayout
from inference.language.documents.pairing.prose import Sentence, answering_part
from inference.language.documents.pairing.topics import same_unit, units_of

# Weights of what tells a right answer from a wrong one, and the least probability of a right one:
# docs/decisions/0125 says how they were found.
_NEARER, _APART, _WORDS, _BIAS = 18.0, 34.0, 2.8, -0.2
LEAST_PROBABILITY = 0.65
_LEAST_BETWEEN_COLUMNS, _LEAST_BETWEEN_ROWS = 0.01, 0.02
_LONG = 20
# What any document may say: it is near to every question, and answers none.
_GENERAL = (
    "The patient was seen today.",
    "Der Patient stellte sich heute vor.",
    "Dear colleague, thank you for your letter.",
    "Sehr geehrte Kollegin, sehr geehrter Kollege",
    "Name: N. N.",
    "Date: today",
    "Datum: heute",
    "Page 1 of 2",
    "Seite 1 von 2",
    "Hospital, department, address and telephone",
    "The value is normal.",
    "Der Wert ist unauffällig.",
)


@dataclass(frozen=True)
class Scored:
    candidate: Candidate
    nearer: float
    """Nearer to the question than the half of what the document says."""
    apart: float
    """And than the next that says something else."""
    share: float
    """How much of the question's words it has."""

    @property
    def probability(self) -> float:
        total = _NEARER * (self.nearer - 0.06) + _APART * self.apart + _WORDS * self.share + _BIAS
        return 1 / (1 + math.exp(-total))


def by_meaning(
    asked: Asked, layouts: Sequence[PageLayout], candidates: Sequence[Candidate]
) -> Found | None:
    """What answers likely enough; None where the document does not say, or leaves it open.

    `candidates`: of those pages (`candidates_of`).
    """
    best = best_of(asked, layouts, candidates)
    if best is None or best.probability < LEAST_PROBABILITY:
        return None
    one = best.candidate
    return Found(_part(asked, one), one.evidence, one.page_number, best.probability)


def _part(asked: Asked, one: Candidate) -> tuple[Placed, ...]:
    """A sentence as it stands; of a long one what answers, where it is of the kind asked for."""
    if one.kind in ("cell", "choice") or len(one.words) <= _LONG:
        return one.words
    part = answering_part(in_text(asked), Sentence(one.words, one.page_number))
    return part if is_of_kind(asked, " ".join(word.text for word in part)) else one.words


def best_of(
    asked: Asked, layouts: Sequence[PageLayout], candidates: Sequence[Candidate]
) -> Scored | None:
    """The nearest that is of the kind asked for."""
    if not candidates:
        return None
    texts = [*(one.text for one in candidates), *_GENERAL]
    alike = vectors.passages(texts) @ vectors.query(asked.text)
    half = float(np.median(alike))
    general = float(max(alike[len(candidates) :]))
    fitting = [
        (one, float(score))
        for one, score in zip(candidates, alike, strict=False)
        if is_of_kind(asked, one.value) and not is_opposite(asked, units_of(one.text))
    ]
    fitting.sort(key=lambda pair: -pair[1])
    if not fitting:
        return None
    nearest, score = fitting[0]
    chosen: Candidate | None = nearest
    if nearest.kind == "cell":
        chosen = _of_rows(asked, nearest, fitting, layouts[0].is_day_first)
    if chosen is None:
        return None
    others = [near for one, near in fitting if not _says_the_same(nearest, one)]
    apart = score - max(half, general, *others[:1])
    share = _share(asked, chosen)
    if chosen.kind == "cell" and not share and apart < _LEAST_BETWEEN_ROWS:
        # "Phosphate" is near to each row of a table of salts.
        return None
    return Scored(chosen, score - half, apart, share)


def _share(asked: Asked, one: Candidate) -> float:
    """How much of the question's words it has; of a cell, what names its row."""
    asked = in_text(asked)
    if one.kind == "cell":
        head = units_of(one.head)
        rest = [
            unit
            for unit in asked.units
            if not any(same_unit(unit, other) for other in head)
            and not (is_of_limits(one.head) and is_of_limits(unit.key))
        ]
        asked = replace(asked, units=tuple(rest))
        return matched(asked, units_of(one.label))[0]
    return matched(asked, units_of(one.text))[0]


def _says_the_same(one: Candidate, other: Candidate) -> bool:
    if one.kind == other.kind == "cell" and one.table == other.table:
        return one.label == other.label
    return one.value in other.value or other.value in one.value


def _of_rows(
    asked: Asked,
    nearest: Candidate,
    fitting: Sequence[tuple[Candidate, float]],
    is_day_first: bool | None,
) -> Candidate | None:
    """The cell that is meant of the row that is nearest, or of those that begin like it."""
    of_rows = [
        (one, near)
        for one, near in fitting
        if one.kind == "cell" and one.table == nearest.table and one.label == nearest.label
    ]
    rows = {one.row for one, _ in of_rows}
    if len(rows) > 1:
        number = ordinal_of(asked.text)
        ordered = sorted(rows)
        if not 0 < number <= len(ordered):
            return None
        of_rows = [pair for pair in of_rows if pair[0].row == ordered[number - 1]]
    return chosen_cell(
        asked,
        [one for one, _ in of_rows],
        [near for _, near in of_rows],
        is_day_first,
        _LEAST_BETWEEN_COLUMNS,
    )
