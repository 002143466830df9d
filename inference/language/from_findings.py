"""Answer a question from what was measured, and from nothing else."""

import re
from collections.abc import Sequence

from inference.language.answer import Sentence
from inference.language.embedding import embed
from inference.results.narrative import shown_value
from storage.core.findings import Finding

_WORD = re.compile(r"[a-zäöüß]+")
# Words of questions that name no thing: what is asked about must stand in the finding itself.
_ABOUT_NOTHING = frozenset(
    "a an the of in on at to for and or is are was were be been do does did what which who when"
    " where why how much many big large small long high low with by from it its this that there"
    " value measure measured measurement size show shows study image scan patient has have any"
    " please tell me give current present amount total wie groß gross was ist das der die den"
    " viel viele hoch wert im von des beim".split()
)
_SIDES = {"left": "left", "right": "right", "links": "left", "rechts": "right",
          "linke": "left", "rechte": "right", "linken": "left", "rechten": "right"}  # fmt: skip
# What people say for what labels say.
_SAME = {
    "volumes": "volume", "volumen": "volume", "lungs": "lung", "lunge": "lung", "lungen": "lung",
    "emphysema": "laa", "brains": "brain", "gehirn": "brain", "hirn": "brain", "dense": "density",
    "densities": "density", "dichte": "density", "head": "intracranial",
}  # fmt: skip
_MOST = 6
_LEAST_ALIKE = 0.1


def answer_from_findings(question: str, findings: Sequence[Finding]) -> list[Sentence]:
    """The findings that answer, the nearest first, each as a sentence; none where none does.

    A finding answers only if everything that the question names stands in it: a brain volume
    is no answer to a question about a lesion of the brain.
    """
    words = [_SAME.get(word, word) for word in _WORD.findall(question.lower())]
    sides = {_SIDES[word] for word in words if word in _SIDES}
    named = [word for word in words if word not in _ABOUT_NOTHING and word not in _SIDES]
    if not named or not findings:
        return []
    answering = [one for one in findings if _covers(one, named) and _on_side(one, sides)]
    if not answering:
        return []
    sentences = [f"{one.label}: {shown_value(one)}." for one in answering]
    vectors = embed([question, *sentences])
    alike = vectors[1:] @ vectors[0]
    order = sorted(range(len(answering)), key=lambda index: -float(alike[index]))
    return [
        Sentence(sentences[index], (answering[index].finding_id,))
        for index in order[:_MOST]
        if float(alike[index]) >= _LEAST_ALIKE
    ]


def _covers(finding: Finding, named: Sequence[str]) -> bool:
    words = {
        _SAME.get(word, word)
        for text in (finding.label, finding.code.meaning)
        for word in _WORD.findall(text.lower())
    }
    return all(any(_same_word(word, other) for other in words) for word in named)


def _same_word(word: str, other: str) -> bool:
    return word == other or (len(word) > 4 and word.rstrip("s") == other.rstrip("s"))


def _on_side(finding: Finding, sides: set[str]) -> bool:
    """Asked for one side, only what is of that side answers."""
    if len(sides) != 1:
        return True
    (side,) = sides
    return side in _WORD.findall(finding.label.lower())
