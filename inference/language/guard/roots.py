"""Words that mean the same in two sentences, and those that mean nothing of their own."""

from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import yaml

from inference.language.guard.reading import stem

_FILE = Path(__file__).parent / "data" / "restated.yaml"
_SHORTEST_ROOT = 5


@cache
def _data() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return loaded


@cache
def words_of(name: str) -> frozenset[str]:
    """The words under a name of the file."""
    return frozenset(str(_data()[name]).split())


@cache
def _words_in_order(name: str) -> tuple[str, ...]:
    return tuple(sorted(str(_data()[name]).split(), key=lambda one: -len(one)))


@cache
def section_words() -> frozenset[str]:
    """Labels of parts of a report, as unknown words of a heading are written."""
    return frozenset(f"word:{stem(one)}" for one in words_of("sections"))


@cache
def _alike() -> dict[str, str]:
    return {
        _without_ending(word): group.split()[0]
        for group in _data()["alike"]
        for word in group.split()
    }


def root_of(word: str) -> str:
    """What words of one meaning share: `calcified` and `calcification`, `open` and `patent`."""
    root = _without_ending(word)
    return _alike().get(root, root)


@lru_cache(maxsize=4096)
def _without_ending(word: str) -> str:
    """Without its ending; nothing is taken from a short word."""
    for ending in _words_in_order("endings"):
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST_ROOT:
            return word.removesuffix(ending)
    return word


def alike(concept: str) -> str:
    """The concept that stands for all of its meaning."""
    return _alike().get(concept, concept)
