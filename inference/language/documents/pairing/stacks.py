"""Forms whose labels stand side by side over their values, row upon row, as boxes of forms do."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise
from statistics import median

from inference.language.documents.pairing.layout import Row

_LEAST_PAIRS = 2
# A value is larger than its label, or nearer to it than to the next label.
_LARGER, _NEARER = 1.12, 0.8


def stacked_rows(rows: Sequence[Row], in_tables: frozenset[int]) -> frozenset[int]:
    """Places of the rows that are labels of what stands in the row below."""
    found: list[int] = []
    for start, end in _runs(rows, in_tables):
        for first in (start, start + 1):
            pairs = [(at, at + 1) for at in range(first, end - 1, 2)]
            if len(pairs) >= _LEAST_PAIRS and _is_stack(rows, pairs):
                found += [label for label, _ in pairs]
                break
    return frozenset(found)


def _runs(rows: Sequence[Row], in_tables: frozenset[int]) -> Iterator[tuple[int, int]]:
    """Rows with as many pieces, under each other."""
    start = 0
    for at in range(1, len(rows) + 1):
        pair = rows[at - 1 : at + 1]
        is_plain = not any(row[0].row in in_tables for row in pair)
        if len(pair) == 2 and is_plain and _is_under(*pair):
            continue
        if len(rows[start]) >= 2:
            yield start, at
        start = at


def _is_under(above: Row, row: Row) -> bool:
    return len(above) == len(row) and all(
        abs(one.left - other.left) < max(one.height, other.height)
        for one, other in zip(above, row, strict=True)
    )


def _is_stack(rows: Sequence[Row], pairs: Sequence[tuple[int, int]]) -> bool:
    labels = [piece.text for label, _ in pairs for piece in rows[label]]
    if any(re.search(r"\d", text) for text in labels):
        return False
    if any(text.endswith((":", "：")) for text in labels):
        return False
    heights = [
        value.height / label.height
        for above, below in pairs
        for label, value in zip(rows[above], rows[below], strict=True)
    ]
    inner = [_gap(rows[above], rows[below]) for above, below in pairs]
    outer = [_gap(rows[before[1]], rows[after[0]]) for before, after in pairwise(pairs)]
    return median(heights) > _LARGER or median(inner) < _NEARER * median(outer)


def _gap(above: Row, below: Row) -> float:
    """From middle to middle."""
    return (below[0].top + below[0].bottom - above[0].top - above[0].bottom) / 2
