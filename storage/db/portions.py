"""Long lists of values, in the portions that a database takes."""

from collections.abc import Iterable, Sequence
from typing import Any


def in_portions(values: Iterable[Any], size: int = 500) -> Iterable[Sequence[Any]]:
    """Few enough for one IN (…) of any database."""
    everything = list(values)
    return (everything[start : start + size] for start in range(0, len(everything), size))
