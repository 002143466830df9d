"""What French words and turns are in English: `fr` of the concepts, and `data/french.yaml`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, Literal

from inference.language.guard.french.words import FrenchWord, key_of, without_accents, words_of
from inference.language.guard.lexicon import NAMES, Category, lexicon, read_data

FormKind = Literal["name", "small", "doubt", "doubt of a thing"]
_LATIN = {"um": "a", "is": "es", "us": "i"}
_MOST_WORDS = 8
_HISSING = ("s", "x", "ch", "sh")


@dataclass(frozen=True)
class Form:
    """One or several French words, and what they are in English."""

    keys: tuple[str, ...]
    written: str
    """The first word as the file has it."""
    english: str
    kind: FormKind
    category: Category = "grammar"

    def in_number_of(self, word: FrenchWord) -> str:
        """In the plural where the first of the words that it is read from is one."""
        countable = self.kind == "name" and self.category in ("thing", "anatomy")
        differs = without_accents(word.text.casefold()) != without_accents(self.written.casefold())
        if not (countable and differs and word.is_plural):
            return self.english
        plural = _plural(self.english)
        # Adjectives of places are in the plural of their nouns: `lésions spléniques`.
        is_place = self.category == "anatomy" and not _is_same(plural, self.english)
        return self.english if is_place else plural


@dataclass(frozen=True)
class Vocabulary:
    """Forms by their first word, the longest first."""

    forms: Mapping[str, Sequence[Form]]
    unaccented: Mapping[str, Sequence[Form]]
    """Those that no other form is like without accents."""
    denials: frozenset[str]
    """Words that complete `ne`."""
    not_telling: frozenset[str]
    """Words of other languages, too."""

    def at(self, words: Sequence[FrenchWord], at: int) -> Iterator[Form]:
        """The forms that the words from `at` on begin with, the longest first."""
        some = words[at : at + _MOST_WORDS]
        found = list(_beginning(self.forms, [one.key for one in some]))
        if not found and words[at].text.isupper() and len(words[at].text) > 2:
            plain = [without_accents(one.key) for one in some]
            found = list(_beginning(self.unaccented, plain))
        yield from found

    def longest(self, words: Sequence[FrenchWord], at: int) -> Form | None:
        """The longest of them."""
        return next(self.at(words, at), None)


def _beginning(forms: Mapping[str, Sequence[Form]], keys: Sequence[str]) -> Iterator[Form]:
    for form in forms.get(keys[0], ()):
        if tuple(keys[: len(form.keys)]) == form.keys:
            yield form


@cache
def vocabulary() -> Vocabulary:
    """Read once."""
    data = read_data("french")
    every: dict[tuple[str, ...], Form] = {}
    for form in (*_of_turns(data), *_of_names()):
        # What is read first has the words.
        every.setdefault(form.keys, form)
    plain: dict[tuple[str, ...], list[Form]] = {}
    for form in every.values():
        plain.setdefault(tuple(map(without_accents, form.keys)), []).append(form)
    alone = {keys: forms[0] for keys, forms in plain.items() if len({f.english for f in forms}) < 2}
    return Vocabulary(
        _by_first(every),
        _by_first({keys: _with_keys(form, keys) for keys, form in alone.items()}),
        frozenset(map(key_of, data["denials"].split())),
        frozenset(map(key_of, data["not_telling"].split())),
    )


def _with_keys(form: Form, keys: tuple[str, ...]) -> Form:
    return Form(keys, form.written, form.english, form.kind, form.category)


def _by_first(forms: Mapping[tuple[str, ...], Form]) -> dict[str, list[Form]]:
    found: dict[str, list[Form]] = {}
    for keys, form in forms.items():
        found.setdefault(keys[0], []).append(form)
    return {first: sorted(group, key=lambda one: -len(one.keys)) for first, group in found.items()}


def _of_turns(data: Mapping[str, Any]) -> Iterator[Form]:
    kinds: dict[str, FormKind] = {
        "words": "small",
        "behind": "doubt",
        "before_things": "doubt of a thing",
    }
    for section, kind in kinds.items():
        for french, english in data[section].items():
            words = words_of(french)
            yield Form(tuple(one.key for one in words), words[0].text, english, kind)


def _of_names() -> Iterator[Form]:
    for name, category in NAMES:
        for concept, given in read_data(name).items():
            known = lexicon().concepts.get(concept)
            for written in filter(None, map(str.strip, str(given.get("fr", "")).split("|"))):
                french, _, own = written.partition(">")
                english = own.strip() or _first_name(given)
                for variant in (french.replace("~", ""), french.replace("~", "e")):
                    words = words_of(variant)
                    yield Form(
                        tuple(one.key for one in words),
                        words[0].text,
                        english,
                        "name",
                        known.category if known is not None else category,
                    )


def _first_name(given: Mapping[str, Any]) -> str:
    """The first English name of a concept, else the first German one; both are in the lexicon."""
    names = [one.strip() for key in ("en", "de") for one in str(given.get(key, "")).split("|")]
    # `Rll=right` says more than its concept.
    plain = [one for one in names if one and "=" not in one]
    return (plain or list(filter(None, names)))[0].partition("=")[0].replace("~", "e")


def _plural(english: str) -> str:
    for singular, plural in _LATIN.items():
        made = f"{english[: -len(singular)]}{plural}"
        if english.endswith(singular) and _is_same(made, english):
            return made
    if english.endswith(_HISSING):
        return f"{english}es"
    if english.endswith("y") and english[-2] not in "aeiou":
        return f"{english[:-1]}ies"
    return f"{english}s"


def _is_same(one: str, other: str) -> bool:
    a, b = (lexicon().longest(name.split(), 0) for name in (one, other))
    return a is not None and b is not None and a[1].concept == b[1].concept
