"""Rows about lesions over time."""

from collections.abc import Iterator

from benchmarks.verification.rows import Row
from tests.inference.lesions.counting import score

_PAIRS = 24
_WRONG_AT_MOST_PERCENT = 2.0


def lesion_rows(pairs: int = _PAIRS) -> Iterator[Row]:
    """How many relations are right of all that are true or were found."""
    found = score(range(pairs))
    yield Row(
        "lesions over time",
        f"{pairs} generated pairs of studies, {found.of} relations",
        "relations that are right",
        "%",
        100.0,
        round(found.right / found.of * 100, 2),
        _WRONG_AT_MOST_PERCENT,
        "the generator",
    )
