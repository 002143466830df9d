"""Critical findings of a source that a text made of it does not state."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from inference.language.critical.concepts import Category, Concept, lexicon
from inference.language.critical.reading import Critical, criticals_of, current_in
from inference.language.critical.status import Status

# Two of these at different sites are two findings.
_ANYWHERE = frozenset(
    "fracture dislocation mass malignancy metastasis abscess aneurysm bone_tumor osteomyelitis"
    " impending_fracture suspicious_lymphadenopathy".split()
)


@dataclass(frozen=True)
class Omission:
    """A sentence of a source that names critical findings which the text leaves out."""

    concepts: tuple[Concept, ...]
    is_uncertain: bool
    """Whether the source itself is not sure of any of them."""
    sentence: str
    source_id: str = ""

    @property
    def category(self) -> Category:
        """That of the most urgent of them."""
        order = lexicon().order
        return min((one.category for one in self.concepts), key=lambda one: order[one])


def omitted(
    sources: Sequence[tuple[str, str]], sentences: Sequence[str], year: int | None = None
) -> tuple[Omission, ...]:
    """What the sources, each an id and its text, affirm or cannot exclude and the sentences
    do not state; the most urgent first.

    A narrower kind states the wider one. Another side or site, or a doubt where the source is
    sure, states nothing. What the sources say twice is named once. `year`: in which the sources
    were written, so that `embolism in 2026` is there in a report of that year; None: this one.
    """
    stated = [one for sentence in sentences for one in current_in(sentence, year)]
    word_for_word = {_plain(sentence) for sentence in sentences}
    found: dict[str, tuple[str, list[Critical]]] = {}
    named: list[Critical] = []
    for source_id, text in sources:
        for one in criticals_of(text, year):
            if (
                one.is_current
                and _plain(one.sentence) not in word_for_word
                and not is_stated(one, stated)
                and not is_stated(one, named, named_sites_only=True)
            ):
                found.setdefault(one.sentence, (source_id, []))[1].append(one)
                named.append(one)
    omissions = (
        Omission(
            tuple(one.concept for one in criticals),
            all(one.status == Status.UNCERTAIN for one in criticals),
            sentence,
            source_id,
        )
        for sentence, (source_id, criticals) in found.items()
    )
    order = lexicon().order
    return tuple(sorted(omissions, key=lambda one: order[one.category]))


def is_stated(
    wanted: Critical, stated: Sequence[Critical], *, named_sites_only: bool = False
) -> bool:
    """Whether some together say it: the same or narrower findings, as surely, on each of its sides
    and, of what may stand anywhere in the body, at each of its sites.

    One without a site stands for any, unless `named_sites_only`.
    """
    fitting = [
        one
        for one in stated
        if wanted.concept.name in lexicon().wider(one.concept.name)
        and (one.status == Status.PRESENT or wanted.status != Status.PRESENT)
    ]
    anywhere = lexicon().wider(wanted.concept.name) & _ANYWHERE
    return all(
        any(
            (not side or not one.sides or side in one.sides)
            and (not site or site in one.sites or not (one.sites or named_sites_only))
            for one in fitting
        )
        for side in wanted.sides or [""]
        for site in (wanted.sites if anywhere else ()) or [""]
    )


def _plain(sentence: str) -> str:
    return " ".join(sentence.casefold().split()).strip(" .")
