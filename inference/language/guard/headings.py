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


def names_no_finding_above(text: str) -> bool:
    """Whether a source has it over its findings; some of these alone would assert something."""
    return asserts_nothing(text) or _plain(text) in _headings()["before_findings"]


@cache
def _without_content() -> frozenset[str]:
    return _headings()["alone"] | {_plain(one) for one in boilerplate()}


@cache
def _headings() -> dict[str, frozenset[str]]:
    kinds = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return {kind: frozenset(map(_plain, headings)) for kind, headings in kinds.items()}


def _plain(sentence: str) -> str:
    return folded(sentence).casefold().strip(" .:*#_")
