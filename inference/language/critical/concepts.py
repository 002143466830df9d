"""The critical concepts: what must not wait until somebody reads the report.

The three categories are those of the ACR Actionable Reporting Work Group (Larson et al., JACR
2014;11:552-558): minutes, hours, days. The list of concepts and all words are the product's own.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from importlib import resources
from typing import Any, Literal, get_args

import yaml

from inference.language.critical.forms import Form, Vocabulary, Word, form_of
from inference.language.guard.languages import LANGUAGES

Category = Literal["immediate", "urgent", "soon"]
"""To be reported within minutes, hours, days."""
_CONTEXT = "context"


@dataclass(frozen=True)
class Concept:
    """One critical finding. `names`: its name by language, for people."""

    name: str
    category: Category
    region: str
    names: Mapping[str, str]
    forms: Mapping[str, tuple[Form, ...]]
    kind_of: str = ""
    """The wider concept that is stated with it."""
    chronic: bool = False
    """Whether a chronic one is critical, too."""
    excluded: tuple[Form, ...] = ()
    """Phrases that look like one of its own and say something else."""


@dataclass(frozen=True)
class Lexicon:
    concepts: Mapping[str, Concept]
    vocabulary: Vocabulary
    by_word: Mapping[Word, Sequence[tuple[str, Form]]]
    """Concepts and their forms by the first word of each."""

    def wider(self, name: str) -> frozenset[str]:
        """The concept and all that it is a kind of."""
        found = [name]
        while wider := self.concepts[found[-1]].kind_of:
            found.append(wider)
        return frozenset(found)

    @cached_property
    def order(self) -> Mapping[Category, int]:
        return {category: place for place, category in enumerate(get_args(Category))}


def concepts() -> Mapping[str, Concept]:
    """All of them by their names."""
    return lexicon().concepts


@cache
def lexicon() -> Lexicon:
    """Read once. Raises ValueError where the data is not what it should be."""
    found: dict[str, Concept] = {}
    folder = resources.files("inference.language.critical") / "data"
    for file in sorted(folder.iterdir(), key=lambda one: one.name):
        region = file.name.removesuffix(".yaml")
        if region == _CONTEXT or not file.name.endswith(".yaml"):
            continue
        for name, given in yaml.safe_load(file.read_text(encoding="utf-8")).items():
            if name in found:
                raise ValueError(f"The concept {name} stands twice in the critical concepts.")
            found[name] = _concept(name, region, given)
    return _indexed(found)


def _concept(name: str, region: str, given: Mapping[str, Any]) -> Concept:
    if given["category"] not in get_args(Category):
        raise ValueError(f"The concept {name} has the unknown category {given['category']}.")
    texts = {one: [form.strip() for form in given[one].split("|")] for one in LANGUAGES}
    return Concept(
        name=name,
        category=given["category"],
        region=region,
        names={one: given.get("name_" + one) or _shown(forms[0]) for one, forms in texts.items()},
        forms={one: tuple(form_of(text) for text in forms) for one, forms in texts.items()},
        kind_of=given.get("kind_of", ""),
        chronic=bool(given.get("chronic")),
        excluded=tuple(form_of(one.strip()) for one in given.get("not", "").split("|") if one),
    )


def _shown(form: str) -> str:
    if set(form) & set("~+/"):
        raise ValueError(f"'{form}' cannot stand as a name: the first form is a plain phrase.")
    return form


def _indexed(found: Mapping[str, Concept]) -> Lexicon:
    vocabulary = Vocabulary()
    by_word: dict[Word, list[tuple[str, Form]]] = defaultdict(list)
    for concept in found.values():
        if concept.kind_of and concept.kind_of not in found:
            raise ValueError(f"{concept.name} is a kind of {concept.kind_of}, which is not there.")
        for form in (*concept.excluded, *(one for of in concept.forms.values() for one in of)):
            vocabulary.add(form)
        for form in (one for of in concept.forms.values() for one in of):
            for word in form.parts[0][0][0]:
                by_word[word].append((concept.name, form))
    return Lexicon(found, vocabulary, by_word)
