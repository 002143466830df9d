"""Headings and formulas that assert nothing of a patient, word for word."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import yaml

from inference.language.guard.characters import folded
from inference.language.guard.lexicon import boilerplate

_FILE = Path(__file__).parent / "data" / "headings.yaml"


def asserts_nothing(sentence: str) -> bool:
    """Whether it is one of them."""
    return _plain(sentence) in _without_content()


@cache
def _without_content() -> frozenset[str]:
    headings = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return frozenset(_plain(one) for one in (*headings, *boilerplate()))


def _plain(sentence: str) -> str:
    return folded(sentence).casefold().strip(" .:*#_")
