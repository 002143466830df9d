"""Text that speaks to a program: never evidence, and never an answer."""

import re
from functools import cache
from pathlib import Path

import yaml

_FILE = Path(__file__).parent / "data" / "instructions.yaml"


@cache
def _pattern() -> re.Pattern[str]:
    patterns = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return re.compile("|".join(f"(?:{one})" for one in patterns))


def instructs(text: str) -> bool:
    """Whether the text gives orders, names an address, or carries mark-up or code."""
    return _pattern().search(text.casefold()) is not None
