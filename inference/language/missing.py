"""What an answer must name as missing: critical findings of its source that it does not state."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Literal

import yaml

from inference.language.critical import Category, Concept, Omission, omitted
from inference.language.guard import refusal
from inference.language.guard.languages import LANGUAGES
from storage.reports.critical_alerts import Alert

_LONGEST_SENTENCE = 500
_MOST_WITH_SENTENCE = 50


@dataclass(frozen=True)
class NamedConcept:
    """A critical concept with its name by language."""

    concept: str
    category: Category
    names: Mapping[str, str]


@dataclass(frozen=True)
class Missing:
    """A critical finding that is left out. `text` says so in the language of the site's reports."""

    text: str
    category: Category
    certainty: Literal["present", "uncertain"]
    sentence: str
    """Of the source, word for word; of an alert its text. Empty where the sentence cannot be shown
    to people or models (it gives orders, or carries hidden characters), or stands for many."""
    source_id: str = ""
    concepts: tuple[NamedConcept, ...] = ()
    """Empty for a finding that a rule of the site calls critical."""
    finding_ids: tuple[str, ...] = ()


def missing_of_texts(
    sources: Sequence[tuple[str, str]],
    sentences: Sequence[str],
    language: str,
    year: int | None = None,
) -> tuple[Missing, ...]:
    """What the sources, each an id and its text, say and the sentences do not.

    The most urgent are named with their sentences; of very many the rest is named together.
    `year`: in which the sources were written; None: this one.
    """
    found = omitted(sources, sentences, year)
    shown, rest = found[:_MOST_WITH_SENTENCE], found[_MOST_WITH_SENTENCE:]
    texts = [_of_text(one, language) for one in shown]
    for is_uncertain in (False, True):
        some = [one for one in rest if one.is_uncertain == is_uncertain]
        if some:
            texts.append(_together(some, language))
    return tuple(texts)


def missing_of_alerts(
    alerts: Sequence[Alert], stated_finding_ids: Sequence[str], language: str
) -> tuple[Missing, ...]:
    """What rules of the site call critical and nobody has acknowledged, bound to no sentence."""
    template = _texts(_known(language))["alert"]
    return tuple(
        Missing(
            template.format(sentence=one.text),
            "immediate",
            "present",
            one.text,
            source_id=one.alert_id,
            finding_ids=(one.finding_id,),
        )
        for one in alerts
        if one.finding_id not in stated_finding_ids
    )


def _of_text(omission: Omission, language: str) -> Missing:
    known = _known(language)
    sentence = omission.sentence
    if len(sentence) > _LONGEST_SENTENCE:
        sentence = f"{sentence[:_LONGEST_SENTENCE]} …"
    is_shown = refusal(sentence) is None
    certainty: Literal["present", "uncertain"] = "uncertain" if omission.is_uncertain else "present"
    template = _texts(known)[certainty if is_shown else f"{certainty}_without_sentence"]
    names = ", ".join(one.names[known] for one in omission.concepts)
    return Missing(
        template.format(names=names, sentence=sentence),
        omission.category,
        certainty,
        sentence if is_shown else "",
        omission.source_id,
        tuple(_named(one) for one in omission.concepts),
    )


def _together(omissions: Sequence[Omission], language: str) -> Missing:
    known = _known(language)
    concepts = {each.name: each for one in omissions for each in one.concepts}
    certainty: Literal["present", "uncertain"] = (
        "uncertain" if omissions[0].is_uncertain else "present"
    )
    template = _texts(known)[f"{certainty}_without_sentence"]
    return Missing(
        template.format(names=", ".join(one.names[known] for one in concepts.values())),
        # They are in the order of their urgency.
        omissions[0].category,
        certainty,
        "",
        concepts=tuple(_named(one) for one in concepts.values()),
    )


def _named(concept: Concept) -> NamedConcept:
    return NamedConcept(concept.name, concept.category, dict(concept.names))


def _known(language: str) -> str:
    return language if language in LANGUAGES else "en"


@cache
def _texts(language: str) -> Mapping[str, str]:
    file = resources.files("inference.language") / "locales" / f"{language}.yaml"
    read: Mapping[str, str] = yaml.safe_load(file.read_text(encoding="utf-8"))["missing"]
    return read
