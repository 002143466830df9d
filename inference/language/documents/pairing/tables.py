"""Tables of a page: columns under their heads, and rows by what they begin with."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from inference.language.documents.pairing.asking import DATE
from inference.language.documents.pairing.blocks import (
    LEAST_COLUMNS,
    blocks_of,
    is_mark,
    is_same_row,
    is_value,
)
from inference.language.documents.pairing.layout import Piece, Placed, Row

_MOST_HEAD_ROWS = 4


@dataclass(frozen=True)
class Column:
    left: float
    right: float
    head: tuple[Piece, ...]
    """From the outermost to its own, as merged heads stand over several columns."""

    @property
    def text(self) -> str:
        return " ".join(piece.text for piece in self.head)


@dataclass(frozen=True)
class Table:
    columns: tuple[Column, ...]
    rows: tuple[tuple[Piece | None, ...], ...]
    row_numbers: frozenset[int]
    is_day_first: bool | None = None
    """How the document writes dates with slashes; None where nothing in it tells."""


def tables_of(rows: Sequence[Row], apart: frozenset[int] = frozenset()) -> Iterator[Table]:
    """`apart`: numbers of rows that belong to none, such as options to tick."""
    for block in blocks_of(rows, apart):
        table = _table(block)
        if table is not None:
            yield table


def _table(block: list[Row]) -> Table | None:
    spans = _spans(block)
    if len(spans) < LEAST_COLUMNS:
        return None
    groups = _lines_of_rows(block)
    first = _first_body_row(groups, spans)
    if not 0 < first < len(groups):
        return None
    heads = [row for group in groups[:first] for row in group]
    if len(groups[:first]) == 1:
        heads = [_split(row, spans) for row in heads]
    columns = tuple(Column(left, right, _head_of(heads, left, right)) for left, right in spans)
    if sum(bool(column.head) for column in columns) < 2:
        return None
    body = tuple(_cells(group, spans) for group in groups[first:])
    numbers = frozenset(row[0].row for row in block)
    return Table(columns, body, numbers)


def _lines_of_rows(block: list[Row]) -> list[list[Row]]:
    """Lines that overlap in height are of one row: cells of two lines beside cells of one."""
    groups: list[list[Row]] = []
    for row in block:
        if groups and is_same_row(groups[-1], row):
            groups[-1].append(row)
        else:
            groups.append([row])
    return groups


def _spans(block: list[Row]) -> list[tuple[float, float]]:
    """Where the columns are: from the row with the most pieces, widened by the others."""
    widest = max(range(len(block)), key=lambda index: (len(block[index]), -index))
    spans = [[piece.left, piece.right] for piece in block[widest]]
    for row in reversed(block):
        for piece in row:
            over = [span for span in spans if min(piece.right, span[1]) > max(piece.left, span[0])]
            if len(over) == 1:
                others = [span for span in spans if span is not over[0]]
                left, right = min(over[0][0], piece.left), max(over[0][1], piece.right)
                if not any(min(right, span[1]) > max(left, span[0]) for span in others):
                    over[0][:] = left, right
            elif not over and len(row) > 1:
                spans.append([piece.left, piece.right])
    return [(left, right) for left, right in sorted(map(tuple, spans))]


def _over(piece: Piece, spans: Sequence[tuple[float, float]]) -> list[int]:
    return [
        index
        for index, (left, right) in enumerate(spans)
        if min(piece.right, right) > max(piece.left, left)
    ]


def _split(row: Row, spans: Sequence[tuple[float, float]]) -> Row:
    """Cells that touch, each by itself: cut where a word stands at the next column's edge."""
    found: list[Piece] = []
    for piece in row:
        words = list(piece.words)
        if len(_over(piece, spans)) < 2 or len(words) < 2:
            found.append(piece)
            continue
        start, at = 0, _column_of(words[0], spans)
        for index in range(1, len(words)):
            its = _column_of(words[index], spans)
            if its is None or its == at:
                continue
            is_edge = abs(words[index].left - spans[its][0]) < 0.5 * piece.height
            is_far = words[index].left - words[index - 1].right > 0.45 * piece.height
            if is_edge or is_far:
                found.append(piece.part(words[start:index]))
                start, at = index, its
        found.append(piece.part(words[start:]))
    return tuple(found)


def _column_of(word: Placed, spans: Sequence[tuple[float, float]]) -> int | None:
    shared = [min(word.right, right) - max(word.left, left) for left, right in spans]
    best = max(range(len(spans)), key=shared.__getitem__)
    return best if shared[best] > 0 else None


def _first_body_row(groups: list[list[Row]], spans: Sequence[tuple[float, float]]) -> int:
    """The first row with a value after the heads; a first row with values is no head."""
    # A date over a column may stand on two lines: "02 Feb", "2026".
    cells = [piece for piece in _cells(groups[0], spans) if piece is not None]
    if any(is_value(piece.text) and not is_day(piece) for piece in cells):
        return 0
    for index, group in enumerate(groups[: _MOST_HEAD_ROWS + 1]):
        pieces = [piece for row in group for piece in row]
        if index and any(re.search(r"\d", one.text) or is_mark(one.text) for one in pieces):
            return index
    begins = 0 in _over(groups[0][0][0], spans)
    return 1 if begins or len(groups) < 3 else 2


def is_day(piece: Piece) -> bool:
    """Whether it is a date, as columns of results have over them."""
    return bool(DATE.fullmatch(piece.text.strip()))


def _head_of(heads: Sequence[Row], left: float, right: float) -> tuple[Piece, ...]:
    """The pieces over a column, the outermost first."""
    over = [[one for one in row if min(one.right, right) > max(one.left, left)] for row in heads]
    found = []
    for row, its in zip(heads, over, strict=True):
        # A merged head is centred over its columns, and may be over none of them by itself.
        is_merged = row is heads[0] and len(heads) > 1 and bool(over[-1])
        own = any(its[:1] for its in over[1:-1])
        if its:
            found.append(its[0])
        elif is_merged and not own:
            found.append(_nearest(row, (left + right) / 2))
    return tuple(found)


def _nearest(row: Row, middle: float) -> Piece:
    return min(row, key=lambda piece: abs((piece.left + piece.right) / 2 - middle))


def _cells(group: Sequence[Row], spans: Sequence[tuple[float, float]]) -> tuple[Piece | None, ...]:
    cells: list[Piece | None] = [None] * len(spans)
    for row in group:
        for piece in _split(row, spans):
            over = _over(piece, spans)
            if not over:
                continue
            cell = cells[over[0]]
            cells[over[0]] = piece if cell is None else cell.part((*cell.words, *piece.words))
    return tuple(cells)
