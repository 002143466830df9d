"""Rows of a page that are tables: they follow each other, and have pieces in columns."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from inference.language.documents.pairing.layout import Piece, Row
from inference.language.documents.pairing.topics import units_of

LEAST_COLUMNS = 3
# Parts of a line's height: rows farther apart are of two tables.
_FAR = 2.6
# And rows of as many cells.
_FAR_OF_COLUMNS = 4.5
# Of the width of the narrower.
_LEAST_OVER = 0.1
_VALUE = re.compile(r"^[<>≤≥~±]?\s?[+-]?\d[\d.,/:%-]*(?:\s?[-–]\s?\d[\d.,]*)?\s?[+\-HL*↑↓]?$")
_LABELLED = re.compile(r"[^\W\d_)] ?[:：](?:\s|$)")
_MARK = re.compile(r"^(?:[xX✓✔✗✘☒☑×]|\(x\))$")


def is_mark(text: str) -> bool:
    return bool(_MARK.match(text.strip()))


def is_value(text: str) -> bool:
    """Whether it is a number, a range or a mark, and names nothing."""
    return bool(_VALUE.match(text.strip())) or is_mark(text)


def blocks_of(rows: Sequence[Row], apart: frozenset[int]) -> Iterator[list[Row]]:
    """Rows that follow each other closely, where most have three pieces or more."""
    block: list[Row] = []
    before: Row | None = None
    thin = 0
    for row in rows:
        if row[0].row in apart or _is_of_form(row):
            yield from _ended(block)
            block, thin, before = [], 0, None
            continue
        bottom = max((piece.bottom for piece in block[-1]), default=0.0) if block else 0.0
        height = min(piece.height for piece in row)
        is_thin = len(row) == 1 and not (block and row[0].top < bottom)
        far = _FAR_OF_COLUMNS if block and _are_columns(block[-1], row) else _FAR
        if block and (row[0].top - bottom > far * height or (is_thin and thin >= 1)):
            yield from _ended(block)
            block, thin = [], 0
        if not block and len(row) < 2:
            before = row
            continue
        if not block and before is not None and is_same_row([before], row):
            # The upper half of a head of two lines.
            block.append(before)
        before = None
        block.append(row)
        thin = thin + 1 if is_thin else 0
    yield from _ended(block)


def _are_columns(above: Row, row: Row) -> bool:
    return len(above) == len(row) >= LEAST_COLUMNS and all(
        one.overlaps(other) for one, other in zip(above, row, strict=True)
    )


def _is_of_form(row: Row) -> bool:
    """Labels with their values, and no row of a table."""
    labelled = [piece for piece in row if _LABELLED.search(piece.text)]
    return len(labelled) >= 2 or any(piece.text.endswith((":", "：")) for piece in labelled)


def _ended(block: list[Row]) -> Iterator[list[Row]]:
    """Without what only stands near it: labels with their values above, and a line below."""
    left = min((piece.left for row in block for piece in row), default=0.0)
    while block and _stands_above(block[0], left):
        block = block[1:]
    while block and len(block[-1]) < 2 and not _is_row_head(block[-1][0], left):
        if len(block) > 1 and is_same_row([block[-2]], block[-1]):
            break
        block = block[:-1]
    while len(block) > LEAST_COLUMNS and _is_of_others(block[0], block[1:]):
        block = block[1:]
    if _is_grid(block):
        block = _below_grid(block)
    wide = sum(len(row) >= LEAST_COLUMNS for row in block)
    # A questionnaire: in each row, a mark is in one of two columns.
    marked = sum(len(row) >= 2 and is_mark(row[-1].text) for row in block)
    if (wide >= 2 or (wide == 1 and marked >= 2)) and not _is_grid(block):
        yield block


def _is_of_others(row: Row, below: Sequence[Row]) -> bool:
    """Whether a row has a piece beyond the columns that all rows under it have."""
    if any(not _are_aligned(below[0], other) for other in below[1:]):
        return False
    cells = [piece for other in below for piece in other]
    return len(below[0]) >= LEAST_COLUMNS and any(
        not any(_is_over(piece, cell) for cell in cells) for piece in row
    )


def _is_over(piece: Piece, cell: Piece) -> bool:
    """A head that is merged stands over a part of its columns."""
    shared = min(piece.right, cell.right) - max(piece.left, cell.left)
    return shared > _LEAST_OVER * min(piece.right - piece.left, cell.right - cell.left)


def _are_aligned(above: Row, row: Row) -> bool:
    return len(above) == len(row) and all(
        abs(one.left - other.left) < max(one.height, other.height)
        for one, other in zip(above, row, strict=True)
    )


def _below_grid(block: list[Row]) -> list[Row]:
    """The rows under a grid that are a table of their own: heads over all columns but the first."""
    for at in range(1, len(block) - 2):
        head, body = block[at], block[at + 1 :]
        under = [row for row in body if len(row) > 1]
        if (
            len(head) >= LEAST_COLUMNS - 1
            and len(under) > 1
            and all(_has_head(row, head) for row in under)
        ):
            return [head, *under]
    return block


def _has_head(row: Row, head: Row) -> bool:
    return (
        len(row) == len(head) + 1
        and row[0].right < head[0].left
        and all(one.overlaps(other) for one, other in zip(head, row[1:], strict=True))
    )


def _stands_above(row: Row, left: float) -> bool:
    """Whether a row is none of a table's heads: labels with their values beside them."""
    if any(_LABELLED.search(piece.text) for piece in row):
        return True
    if len(row) <= 2:
        return row[0].left - left < row[0].height
    texts = [piece.text for piece in row]
    is_labelled = len(row) % 2 == 0 and not any(re.search(r"\d", one) for one in texts[::2])
    return is_labelled and any(
        re.search(r"(?<![^\W\d_])\d", re.sub(r"\(.*?\)", "", one)) for one in texts[1::2]
    )


def _is_row_head(piece: Piece, left: float) -> bool:
    """Whether it may begin a row whose other cells are empty."""
    return piece.left - left < piece.height and len(piece.words) <= 6 and ":" not in piece.text


def _is_grid(block: list[Row]) -> bool:
    """Whether it is a form of labels over their values: again and again a row of labels."""
    labels = [_names_topics(row) for row in block]
    small = [
        max(piece.height for piece in row) < 0.92 * min(piece.height for piece in after)
        for row, after in pairwise(block)
    ]
    over = [one and not after for one, after in pairwise(labels)]
    return any(_again_and_again(heads) for heads in (over, small))


def _again_and_again(heads: Sequence[bool]) -> bool:
    at = [index for index, is_head in enumerate(heads) if is_head]
    return any(later - one > 1 for one, later in pairwise(at))


def _names_topics(row: Row) -> bool:
    named = sum(
        any(unit.topic is not None for unit in units) and not re.search(r"\d{2}", piece.text)
        for piece in row
        if (units := units_of(piece.text))
    )
    return named >= 2 and named >= 0.6 * len(row)


def is_same_row(group: list[Row], row: Row) -> bool:
    bottom = max(piece.bottom for piece in group[-1])
    return bottom - row[0].top > 0.2 * row[0].height
