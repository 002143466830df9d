"""Tables of a page: columns under their heads, and rows by what they begin with."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

from inference.language.documents.pairing.asking import DATE
from inference.language.documents.pairing.layout import Piece, Placed, Row
from inference.language.documents.pairing.topics import units_of

_LEAST_COLUMNS = 3
_MOST_HEAD_ROWS = 4
# Parts of a line's height: rows farther apart are of two tables.
_FAR = 2.6
# And rows of as many cells.
_FAR_OF_COLUMNS = 4.5
_VALUE = re.compile(r"^[<>≤≥~±]?\s?[+-]?\d[\d.,/:%-]*(?:\s?[-–]\s?\d[\d.,]*)?\s?[+\-HL*↑↓]?$")
_LABELLED = re.compile(r"[^\W\d_)] ?[:：](?:\s|$)")
_MARK = re.compile(r"^(?:[xX✓✔✗✘☒☑×]|\(x\))$")


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


def is_mark(text: str) -> bool:
    return bool(_MARK.match(text.strip()))


def is_value(text: str) -> bool:
    """Whether it is a number, a range or a mark, and names nothing."""
    return bool(_VALUE.match(text.strip())) or is_mark(text)


def tables_of(rows: Sequence[Row], apart: frozenset[int] = frozenset()) -> Iterator[Table]:
    """`apart`: numbers of rows that belong to none, such as options to tick."""
    for block in _blocks(rows, apart):
        table = _table(block)
        if table is not None:
            yield table


def _blocks(rows: Sequence[Row], apart: frozenset[int]) -> Iterator[list[Row]]:
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
        if not block and before is not None and _is_same_row([before], row):
            # The upper half of a head of two lines.
            block.append(before)
        before = None
        block.append(row)
        thin = thin + 1 if is_thin else 0
    yield from _ended(block)


def _are_columns(above: Row, row: Row) -> bool:
    return len(above) == len(row) >= _LEAST_COLUMNS and all(
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
        if len(block) > 1 and _is_same_row([block[-2]], block[-1]):
            break
        block = block[:-1]
    wide = sum(len(row) >= _LEAST_COLUMNS for row in block)
    # A questionnaire: in each row, a mark is in one of two columns.
    marked = sum(len(row) >= 2 and is_mark(row[-1].text) for row in block)
    if (wide >= 2 or (wide == 1 and marked >= 2)) and not _is_grid(block):
        yield block


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


def _table(block: list[Row]) -> Table | None:
    spans = _spans(block)
    if len(spans) < _LEAST_COLUMNS:
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
        if groups and _is_same_row(groups[-1], row):
            groups[-1].append(row)
        else:
            groups.append([row])
    return groups


def _is_same_row(group: list[Row], row: Row) -> bool:
    bottom = max(piece.bottom for piece in group[-1])
    return bottom - row[0].top > 0.2 * row[0].height


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
    if any(is_value(piece.text) and not is_day(piece) for row in groups[0] for piece in row):
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
