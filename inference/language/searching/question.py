"""A question to the search: what it looks for, where, how much of it, and whether it denies it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib import resources

import yaml

from inference.language.critical.concepts import lexicon as critical_lexicon
from inference.language.critical.forms import Word
from inference.language.critical.reading import in_sentence
from inference.language.critical.status import Status, status_of, triggers_of
from inference.language.critical.tokens import tokens_of
from inference.language.guard.lexicon import base, lexicon
from inference.language.searching.amounts import Limit, limits_of
from inference.language.searching.terms import Term, terms_of, words_for

_GERMAN = frozenset(
    "der die das des dem den und mit ohne kein keine ist sind ein eine einer von bei nach zum zur"
    " im links rechts nicht über unter wie welche gibt".split()
)
_ENGLISH = frozenset("the of with is are has and for no there left right from in on".split())


@dataclass(frozen=True)
class Question:
    text: str
    meaning: str
    """Its words without amounts: what meanings are compared with."""
    terms: tuple[Term, ...]
    critical: frozenset[str]
    """Critical findings that it names, which are known in many words."""
    limits: tuple[Limit, ...]
    denies: bool
    """Whether it looks for what is denied: "no pneumothorax"."""
    is_german: bool

    @property
    def things(self) -> list[Term]:
        return [one for one in self.terms if one.is_thing]

    def patterns(self) -> list[frozenset[str]]:
        """Of each set one word stands in every text that answers by its words."""
        if self.critical:
            return [frozenset(_longest_words(self.critical))]
        looked_for = self.things or list(self.terms)
        return [
            words_for(one.concept)
            for one in looked_for
            if one.category not in ("modifier", "soft", "change")
        ]


def read_question(text: str, year: int | None = None) -> Question:
    limits, meaning = limits_of(text)
    rest = _in_words_of_reports(meaning)
    tokens = tokens_of(rest)
    terms = terms_of(tokens)
    things = [(one.start, one.end) for one in terms if one.is_thing]
    criticals = in_sentence(rest, year)
    triggers = triggers_of(tokens)
    stated = [status_of([one], tokens, triggers, chronic=True, year=0) for one in things]
    denied = bool(stated) and all(one is Status.DENIED for one in stated)
    return Question(
        text=text,
        meaning=meaning or text,
        terms=tuple(terms),
        critical=frozenset(one.concept.name for one in criticals),
        limits=tuple(limits),
        denies=denied,
        is_german=_is_german(meaning),
    )


def _in_words_of_reports(text: str) -> str:
    found = text
    for phrase, plain in _lay().items():
        found = phrase.sub(plain, found, count=1)
    return found


@cache
def _lay() -> dict[re.Pattern[str], str]:
    file = resources.files("inference.language.searching") / "data" / "lay.yaml"
    given = yaml.safe_load(file.read_text(encoding="utf-8"))
    phrases = {lay: plain for of in given.values() for lay, plain in of.items()}
    # A longer phrase before the shorter one that it holds.
    return {
        re.compile(rf"\b{re.escape(lay)}\b", re.IGNORECASE): phrases[lay]
        for lay in sorted(phrases, key=len, reverse=True)
    }


def _is_german(text: str) -> bool:
    words = {one.raw.casefold() for one in tokens_of(text)}
    if words & _GERMAN:
        return True
    if words & _ENGLISH:
        return False
    german, english = 0, 0
    for word in words:
        entries = [entry for form, entry in lexicon().forms.get(base(word), ()) if len(form) == 1]
        if entries:
            german += entries[0].german
            english += not entries[0].german
        else:
            german += bool(lexicon().parts_of(base(word))) or any(one in word for one in "äöüß")
    return german > english


def _longest_words(names: frozenset[str]) -> set[str]:
    """Of each form of a critical finding, and of its narrower ones, the longest word's choices."""
    found: set[str] = set()
    known = critical_lexicon()
    for concept in known.concepts.values():
        if not names & known.wider(concept.name):
            continue
        for form in (one for of in concept.forms.values() for one in of):
            choices = [word for phrase in form.parts[0] for word in phrase]
            best = max(choices, key=lambda one: min(len(word.text) for word in one))
            found |= {_as_written(word) for word in best}
    kept: set[str] = set()
    for one in sorted(found, key=len):
        if not any(other in one for other in kept):
            kept.add(one)
    return kept


def _as_written(word: Word) -> str:
    return f" {word.text}" if word.capitals else word.text
