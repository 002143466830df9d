"""Cells of tables: by what their row begins with and what their column is called."""

from collections.abc import Iterator, Sequence

from inference.language.documents.days import (
    Day,
    days_in,
    has_open_day,
    months_in,
    months_of_head,
)
from inference.language.documents.pairing.asking import Asked, fits
from inference.language.documents.pairing.blocks import is_mark, is_value
from inference.language.documents.pairing.candidates import YES_NO, Found, score_of
from inference.language.documents.pairing.fields import is_blank
from inference.language.documents.pairing.layout import Piece, Placed
from inference.language.documents.pairing.matching import is_of_another, matched
from inference.language.documents.pairing.order_in_time import (
    Order,
    days_of_rows,
    is_of_other_phase,
    order_of,
    row_in_order,
    without_order,
)
from inference.language.documents.pairing.tables import Table
from inference.language.documents.pairing.topics import Unit, same_unit, units_of

# Topics of columns.
_RESULT, _SITE = "result_column", "site"
# Rows are alike but for a word: "arterial phase", "venous phase".
_LEAST_SHARE_OF_CELL = 0.7
# A column without a row's name must have nearly all that is asked for.
_LEAST_SHARE_OF_COLUMN = 0.8
_ALIKE = 0.05
_VERY = 0.95


def by_table(asked: Asked, table: Table) -> Iterator[Found]:
    order = order_of(asked.text)
    dated = days_of_rows(table) if order else None
    if dated is not None:
        yield from _in_order(without_order(asked), table, order, *dated)
        return
    heads = [units_of(column.text) for column in table.columns]
    for row in table.rows:
        yield from _by_row(asked, table, row, heads)


def _by_row(
    asked: Asked, table: Table, row: Sequence[Piece | None], heads: Sequence[list[Unit]]
) -> Iterator[Found]:
    cells = [units_of(cell.text) if cell else [] for cell in row]
    for place in range(len(row)):
        yield from _by_cell(asked, table, row, place, heads, cells)


def _in_order(
    asked: Asked, table: Table, order: Order, day_column: int, days: Sequence[Day | None]
) -> Iterator[Found]:
    """Of the rows that answer, the first or the last in time; none where their days do not tell."""
    heads = [units_of(column.text) for column in table.columns]
    by_row = {at: list(_by_row(asked, table, row, heads)) for at, row in enumerate(table.rows)}
    scores = {at: max(one.score for one in found) for at, found in by_row.items() if found}
    if scores:
        best = max(scores.values())
        alike = [at for at, score in scores.items() if score > best - _ALIKE]
        row = row_in_order(order, days, alike)
        yield from by_row[row] if row is not None else ()
        return
    shares = {
        place: matched(asked, units)[0] for place, units in enumerate(heads) if place != day_column
    }
    best = max(shares.values(), default=0.0)
    named = [place for place, share in shares.items() if share == best]
    if best < _LEAST_SHARE_OF_COLUMN or len(named) != 1:
        return
    place = named[0]
    filled = [
        at for at, row in enumerate(table.rows) if (cell := row[place]) and not is_blank(cell.text)
    ]
    row = row_in_order(order, days, filled)
    cell = (
        table.rows[row][day_column if asked.kind == "date" else place] if row is not None else None
    )
    if cell is not None and (asked.kind == "open" or fits(asked, cell.text)):
        evidence = (*table.columns[place].head[-1].words, *cell.words)
        yield Found(cell.words, evidence, cell.page_number, score_of(best, best))


def _by_cell(
    asked: Asked,
    table: Table,
    row: Sequence[Piece | None],
    place: int,
    heads: Sequence[list[Unit]],
    cells: Sequence[list[Unit]],
) -> Iterator[Found]:
    keys = {
        at: cell
        for at, cell in enumerate(row)
        if at != place and cell and _is_key(asked, cell, cells[at], heads[at], at)
    }
    if not keys:
        return
    key_words = tuple(word for cell in keys.values() for word in cell.words)
    of_row = [
        unit for at in keys for unit in (*cells[at], *_used_head(asked, cells[at], heads[at]))
    ]
    if asked.kind == "yes_no" and (cell := row[place]) is not None and not is_mark(cell.text):
        # "Is the CRP raised?": the cell that has the word.
        share, _ = matched(asked, [*of_row, *cells[place]])
        if share >= _VERY and _shares(asked, of_row, cells[place]):
            yield Found(cell.words, (*key_words, *cell.words), cell.page_number, share)
            return
    if not _is_asked_column(asked, table, row, place, heads, list(keys), of_row):
        return
    # "In March", of a column with a day of March: the month is matched.
    of_month = [unit for unit in asked.units if _is_month_of(unit, table, place)]
    share, _ = matched(asked, [*of_row, *heads[place], *of_month])
    row_exact = _exactness(asked, [unit for at in keys for unit in cells[at]])
    score = score_of(share, 0.35 + 0.65 * row_exact)
    is_of_other = is_of_another(asked, [*of_row, *heads[place]])
    if score and share >= _LEAST_SHARE_OF_CELL and not is_of_other:
        page = next(iter(keys.values())).page_number
        yield from _of_cell(asked, table, row, place, score, key_words, page)


def _is_asked_column(
    asked: Asked,
    table: Table,
    row: Sequence[Piece | None],
    place: int,
    heads: Sequence[list[Unit]],
    keys: Sequence[int],
    of_row: Sequence[Unit],
) -> bool:
    """Whether the question names the column, or means it and names no other."""
    texts = [column.text for column in table.columns]
    if is_of_other_phase(asked.text, texts[place], texts):
        return False
    rest = [unit for unit in asked.units if not any(same_unit(unit, one) for one in of_row)]
    if any(same_unit(unit, one) for unit in rest for one in heads[place]):
        return not _is_ambiguous(rest, place, heads)
    if place != _default_column(asked, table, row, keys[0]):
        return False
    others = [
        one for at, units in enumerate(heads) if at != place and at not in keys for one in units
    ]
    return not any(same_unit(unit, one) for unit in rest for one in others if unit.weight > 0.5)


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
        marked = [(at, cell) for at in ticks if (cell := row[at]) and is_mark(cell.text)]
        words = tuple(table.columns[marked[0][0]].head[-1].words) if len(marked) == 1 else ()
        mark = marked[0][1].words if marked else ()
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
    return (
        _of_days(asked, table, filled)
        if _has_days(table, filled)
        else _first_of(table, key, filled, valued)
    )


def _has_days(table: Table, filled: Sequence[int]) -> bool:
    """Whether the columns of values are of days."""
    dated = [at for at in filled if _months_of(table, at)]
    return bool(dated) and (
        filled[:1] == dated[:1]
        or any(has_open_day(table.columns[at].text, table.is_day_first) for at in filled)
    )


def _of_days(asked: Asked, table: Table, filled: Sequence[int]) -> int | None:
    """The column of the month of the question, else the latest; None where nothing tells."""
    months = months_in(asked.text)
    if months:
        # In a month that two columns may be of, or none, no value is the one.
        of_month = [at for at in filled if _months_of(table, at) & months]
        return of_month[0] if len(of_month) == 1 else None
    days = {at: day for at in filled if (day := _day_of(table, at))}
    if filled[:1] == list(days)[:1] and days:
        return max(days, key=lambda at: days[at])
    # Nothing tells which of the days is the latest.
    return None


def _first_of(table: Table, key: int, filled: Sequence[int], valued: Sequence[int]) -> int | None:
    return next(iter((*filled, *valued)), key + 1 if key + 1 < len(table.columns) else None)


def _is_month_of(unit: Unit, table: Table, place: int) -> bool:
    return bool(months_in(unit.key) & _months_of(table, place))


def _months_of(table: Table, at: int) -> set[int]:
    return months_of_head(table.columns[at].text, table.is_day_first)


def _day_of(table: Table, at: int) -> Day | None:
    """The only date of a column's head."""
    found = days_in(table.columns[at].text, table.is_day_first)
    return found[0] if len(found) == 1 else None


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
