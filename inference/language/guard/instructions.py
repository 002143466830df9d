"""Text that speaks to a program: never evidence, and never an answer."""

import re
from functools import cache
from pathlib import Path

import yaml

_FILE = Path(__file__).parent / "data" / "instructions.yaml"


@cache
def _pattern(*kinds: str) -> re.Pattern[str]:
    patterns = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    each = [f"(?:{one})" for kind in kinds for one in patterns[kind]]
    return re.compile("|".join(each), re.IGNORECASE | re.MULTILINE)


def instructs(text: str) -> bool:
    """Whether the text gives orders, names an address, or carries mark-up or code."""
    return _pattern("orders", "marks", "not_repeated").search(text.casefold()) is not None


def gives_orders(text: str) -> bool:
    """Whether it talks to a model that reads it: less than `instructs`, since a letter may well
    name an address."""
    return _pattern("orders", "marks").search(text) is not None


def without_marks(text: str) -> str:
    """Without the marks by which chat models tell turns apart."""
    return _pattern("marks").sub(" ", text)
