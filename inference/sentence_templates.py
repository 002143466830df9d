"""Sentences in English that are made from templates, and found again by code and parameters."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from storage.core.text.outside_text import text_from_outside

Code = TypeVar("Code", bound=str)

_PARAMETER = re.compile(r"{(\w+)}")
_SENTENCE_END = re.compile(r"\.(?= |$)")
_PARAMETER_AT_MOST = 100
"""Characters; a header may state any number of them, and every list of studies repeats reasons."""


@dataclass(frozen=True)
class SentencePart(Generic[Code]):
    """One sentence: its code, and what it says as it was written, by name."""

    code: Code
    parameters: Mapping[str, str]


_Words = tuple[Code, tuple[str, ...], tuple[str, ...]]
"""A code, the words of its template, and the names of the parameters between them."""


class SentenceTemplates(Generic[Code]):
    """Templates by code; `{name}` stands for a parameter.

    Of texts longer than `at_most` characters no code is looked for.
    """

    def __init__(self, templates: Mapping[Code, str], at_most: int) -> None:
        self._templates = templates
        self._at_most = at_most
        parts = [(code, _PARAMETER.split(template)) for code, template in templates.items()]
        # Of several that fit, the one that says most by itself is meant.
        parts.sort(key=lambda one: sum(map(len, one[1][::2])), reverse=True)
        self._by_words = tuple(
            (code, tuple(found[::2]), tuple(found[1::2])) for code, found in parts
        )

    def write(self, code: Code, **parameters: object) -> str:
        """The sentence; a parameter of more than 100 characters is cut, and ends in "…".

        Raises KeyError where a parameter of the code is missing.
        """
        shown = {
            name: text_from_outside(str(value), _PARAMETER_AT_MOST)
            for name, value in parameters.items()
        }
        return self._templates[code].format(**shown)

    def match(self, text: str) -> SentencePart[Code] | None:
        """The whole text as one sentence."""
        return self._match(text, self._by_words)

    def _match(self, text: str, among: Iterable[_Words[Code]]) -> SentencePart[Code] | None:
        for code, words, names in among:
            found = _between(text, words)
            if found is not None:
                return SentencePart(code, MappingProxyType(dict(zip(names, found, strict=True))))
        return None

    def parts(self, text: str) -> tuple[SentencePart[Code], ...]:
        """The sentences that the text is a row of; none where any of it has no code.

        A parameter at the end of a template, such as the words of a person, goes on to the end of
        the text; any other stands within one sentence.
        """
        closed = [one for one in self._by_words if one[1][-1]]
        open_ended = [one for one in self._by_words if not one[1][-1]]

        @cache
        def rest(begin: int) -> tuple[SentencePart[Code], ...]:
            last = self._match(text[begin:], open_ended)
            if last:
                return (last,)
            ends = [at.start() for at in _SENTENCE_END.finditer(text, begin)]
            for end in ends:
                first = self._match(text[begin : end + 1], closed)
                if first and _is_within_a_sentence(first):
                    others = rest(end + 2)
                    if others or end + 1 == len(text):
                        return (first, *others)
            return ()

        return rest(0) if 0 < len(text) <= self._at_most else ()


def _is_within_a_sentence(part: SentencePart[Any]) -> bool:
    return all(". " not in value for value in part.parameters.values())


def _between(text: str, words: tuple[str, ...]) -> list[str] | None:
    """What stands between words that follow each other in the text; None where they do not.

    Each is looked for once, from where the one before it ends: if the words fit at all, they fit
    so. A regular expression would try all places of all words.
    """
    first, *middle = words
    if not middle:
        return [] if text == first else None
    last = middle.pop()
    if not text.startswith(first) or not text.endswith(last):
        return None
    found = []
    at, end = len(first), len(text) - len(last)
    for word in middle:
        next_at = text.find(word, at, end)
        if next_at < 0:
            return None
        found.append(text[at:next_at])
        at = next_at + len(word)
    return [*found, text[at:end]] if at <= end else None
