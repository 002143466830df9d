"""Cells of tables: by what their row begins with and what their column is called."""

from collections.abc import Iterator, Sequence

from inference.language.documents.pairing.asking import Asked, fits, matched
from inference.language.documents.pairing.candidates import YES_NO, Found, score_of
from inference.language.documents.pairing.fields import is_blank
from inference.language.documents.pairing.layout import Piece, Placed
from inference.language.documents.pairing.tables import Table, is_mark, is_value
from inference.language.documents.pairing.topics import Unit, same_unit, units_of

# Topics of columns.
_RESULT, _SITE = "result_column", "site"
# Rows are alike but for a word: "arterial phase", "venous phase".
_LEAST_SHARE_OF_CELL = 0.7
_VERY = 0.95


def by_table(asked: Asked, table: Table) -> Iterator[Found]:
    heads = [units_of(column.text) for column in table.columns]
    for row in table.rows:
        cells = [units_of(cell.text) if cell else [] for cell in row]
        for place in range(len(row)):
            yield from _by_cell(asked, table, row, place, heads, cells)


def _by_cell(
    asked: Asked,
    table: Table,
    row: Sequence[Piece | None],
    place: int,
    heads: Sequence[list[Unit]],
    cells: Sequence[list[Unit]],
) -> Iterator[Found]:
    keys = [
        at
        for at, cell in enumerate(row)
        if at != place and cell and _is_key(asked, cell, cells[at], heads[at], at)
    ]
    if not keys:
        return
    of_row = [
        unit for at in keys for unit in (*cells[at], *_used_head(asked, cells[at], heads[at]))
    ]
    head = list(heads[place])
    if asked.kind == "yes_no" and (cell := row[place]) is not None and not is_mark(cell.text):
        # "Is the CRP raised?": the cell that has the word.
        share, _ = matched(asked, [*of_row, *cells[place]])
        if share >= _VERY and _shares(asked, of_row, cells[place]):
            words = tuple(word for at in keys for word in row[at].words)  # type: ignore[union-attr]
            yield Found(cell.words, (*words, *cell.words), cell.page_number, share)
            return
    rest = [unit for unit in asked.units if not any(same_unit(unit, one) for one in of_row)]
    names_column = any(same_unit(unit, one) for unit in rest for one in head)
    is_default = place == _default_column(asked, table, row, keys[0])
    if not names_column and not is_default:
        return
    if names_column and _is_ambiguous(rest, place, heads):
        return
    share, _ = matched(asked, [*of_row, *head])
    if not names_column:
        # Not the column that was asked for, where the question names another.
        others = [
            one for at, units in enumerate(heads) if at != place and at not in keys for one in units
        ]
        if any(same_unit(unit, one) for unit in rest for one in others if unit.weight > 0.5):
            return
    row_exact = _exactness(asked, [unit for at in keys for unit in cells[at]])
    score = score_of(share, 0.35 + 0.65 * row_exact)
    if not score or share < _LEAST_SHARE_OF_CELL:
        return
    evidence = tuple(word for at in keys for word in row[at].words)  # type: ignore[union-attr]
    page = row[keys[0]].page_number  # type: ignore[union-attr]
    yield from _of_cell(asked, table, row, place, score, evidence, page)


def _of_cell(
    asked: Asked,
    table: Table,
    row: Sequence[Piece | None],
    place: int,
    score: float,
    evidence: tuple[Placed, ...],
    page: int,
) -> Iterator[Found]:
    ticks = _tick_columns(table)
    if ticks and (place in ticks or asked.kind == "yes_no"):
        marked = [at for at in ticks if row[at] is not None and is_mark(row[at].text)]  # type: ignore[union-attr]
        words = tuple(table.columns[marked[0]].head[-1].words) if len(marked) == 1 else ()
        mark = row[marked[0]].words if marked else ()  # type: ignore[union-attr]
        yield Found(words, (*evidence, *mark), page, score)
        return
    cell = row[place]
    if cell is None or is_blank(cell.text):
        yield Found((), evidence, page, score)
    elif asked.kind not in ("date", "number", "person") or fits(asked, cell.text):
        words = (*cell.words, *_unit_of(table, row, place))
        yield Found(words, (*evidence, *words), page, score)


def _is_key(
    asked: Asked, cell: Piece, units: Sequence[Unit], head: Sequence[Unit], at: int
) -> bool:
    """Whether the question names the row by this cell, by words or by a number under its head."""
    if not any(
        same_unit(unit, other) for unit in asked.units for other in units if unit.weight > 0.5
    ):
        return False
    if not is_value(cell.text):
        return True
    if (
        at == 0
        and units
        and all(any(same_unit(one, unit) for unit in asked.units) for one in units)
    ):
        # "At 14:00": the rows' names are times.
        return True
    return any(same_unit(unit, other) for unit in asked.units for other in head)


def _shares(asked: Asked, of_row: Sequence[Unit], cell: Sequence[Unit]) -> bool:
    """Whether the cell has a unit of the question that its row's key lacks."""
    return any(
        any(same_unit(unit, one) for one in cell)
        and not any(same_unit(unit, one) for one in of_row)
        for unit in asked.units
    )


def _used_head(asked: Asked, cell: Sequence[Unit], head: Sequence[Unit]) -> list[Unit]:
    return [unit for unit in head if any(same_unit(unit, other) for other in asked.units)]


def _exactness(asked: Asked, units: Sequence[Unit]) -> float:
    # A letter alone is a unit: "FVC (L)".
    units = [unit for unit in units if len(unit.key) > 1] or units
    total = sum(unit.weight for unit in units)
    hit = sum(unit.weight for unit in units if any(same_unit(unit, other) for other in asked.units))
    return hit / total if total else 0.0


def _is_ambiguous(rest: Sequence[Unit], place: int, heads: Sequence[list[Unit]]) -> bool:
    """Whether another column's head has more of what is asked for."""

    def hits(units: Sequence[Unit]) -> float:
        return sum(unit.weight for unit in rest if any(same_unit(unit, one) for one in units))

    return any(hits(units) > hits(heads[place]) for at, units in enumerate(heads) if at != place)


def _tick_columns(table: Table) -> list[int]:
    return [
        at
        for at, column in enumerate(table.columns)
        if column.head and column.head[-1].text.casefold().strip(".") in YES_NO
    ]


def _default_column(
    asked: Asked, table: Table, row: Sequence[Piece | None], key: int
) -> int | None:
    """The column that a question means which names none: results, else the first of values."""
    wanted = _SITE if asked.kind == "place" else _RESULT
    for at, column in enumerate(table.columns):
        if at != key and any(unit.key == wanted for unit in units_of(column.text)):
            return at
    ticks = _tick_columns(table)
    if ticks:
        return ticks[0]
    if asked.kind == "place":
        return None
    valued = [
        at
        for at in range(key + 1, len(table.columns))
        if any((cell := other[at]) is not None and is_value(cell.text) for other in table.rows)
    ]
    filled = [at for at in valued if row[at] is not None]
    return next(iter((*filled, *valued)), key + 1 if key + 1 < len(table.columns) else None)


def _unit_of(table: Table, row: Sequence[Piece | None], place: int) -> tuple[Placed, ...]:
    """The unit of a result, where a column has units: part of the answer."""
    cell = row[place]
    is_result = any(unit.key == _RESULT for unit in units_of(table.columns[place].text))
    if cell is None or not is_result:
        return ()
    for at, column in enumerate(table.columns):
        beside = row[at]
        if beside is not None and any(one.key == "unit_column" for one in units_of(column.text)):
            return beside.words
    return ()
