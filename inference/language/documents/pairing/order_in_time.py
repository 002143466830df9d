"""Questions of the first or the last of several, and of what was before or after something."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from inference.language.documents.days import Day, days_in, has_open_day
from inference.language.documents.pairing.asking import DATE, Asked
from inference.language.documents.pairing.tables import Table

Order = Literal["first", "last", ""]
_LAST = re.compile(
    r"\b(?:last|latest|most recent|most recently|newest|letzte[rnms]?|zuletzt|jüngste[rnms]?"
    r"|neueste[rnms]?)\b",
    re.IGNORECASE,
)
_FIRST = re.compile(
    r"\b(?:first|earliest|initial|initially|erste[rnms]?|zuerst|erstmals|anfangs)\b", re.IGNORECASE
)
# These are names of other things.
_NO_ORDER = re.compile(
    r"\b(?:first|last|given) names?\b|\bfirst aid\b|\berste hilfe\b|\bletzte ölung\b"
    r"|\blast menstrual\b|\bletzte regel\b",
    re.IGNORECASE,
)
_BEFORE = re.compile(r"\b(?:before|prior to|pre(?=[- ])|vor|prä(?=[- ]))\b", re.IGNORECASE)
_AFTER = re.compile(r"\b(?:after|following|post(?=[- ])|nach)\b", re.IGNORECASE)
_WORDS = frozenset(
    "first last latest most recent recently newest earliest initial initially letzte letzter"
    " letzten letztes zuletzt erste erster ersten erstes zuerst erstmals anfangs".split()
)


def order_of(question: str) -> Order:
    """Which of several it asks for in time; nothing where it does not, or asks for both."""
    if _NO_ORDER.search(question):
        return ""
    is_last, is_first = bool(_LAST.search(question)), bool(_FIRST.search(question))
    if is_last == is_first:
        return ""
    return "last" if is_last else "first"


def without_order(asked: Asked) -> Asked:
    """`The most recent creatinine` is of creatinine: which one, the days tell."""
    units = tuple(one for one in asked.units if one.key not in _WORDS) or asked.units
    return replace(asked, units=units)


def is_of_other_phase(question: str, head: str, heads: Sequence[str]) -> bool:
    """Whether a column is of after, where the question asks for before, or the other way round."""
    asked, its = _phase_of(question), _phase_of(head)
    if not asked or asked == its:
        return False
    return bool(its) or any(_phase_of(one) == asked for one in heads)


def _phase_of(text: str) -> str:
    before, after = bool(_BEFORE.search(text)), bool(_AFTER.search(text))
    return "" if before == after else "before" if before else "after"


def days_of_rows(table: Table) -> tuple[int, list[Day | None]] | None:
    """The column of days and the day of each row; None where there is no such column.

    Of several columns of days none tells, and of dates that may be read in two ways none is known.
    """
    dated: list[int] = []
    for at in range(len(table.columns)):
        texts = {cell.text for row in table.rows if (cell := row[at])}
        if sum(bool(DATE.search(one)) for one in texts) > 1:
            dated.append(at)
    if not dated:
        return None
    column = dated[0]
    if len(dated) > 1:
        return column, [None] * len(table.rows)
    cells = [row[column] for row in table.rows]
    return column, [_day_of(cell.text, table) if cell else None for cell in cells]


def _day_of(text: str, table: Table) -> Day | None:
    days = days_in(text, table.is_day_first)
    is_clear = len(days) == 1 and days[0].year and not has_open_day(text, table.is_day_first)
    return days[0] if is_clear else None


def row_in_order(order: Order, days: Sequence[Day | None], rows: Sequence[int]) -> int | None:
    """The first or the last of some rows; None where one has no day, or two have the same."""
    if len(rows) == 1:
        return rows[0]
    known = [(day, row) for row in rows if (day := days[row]) is not None]
    if not known or len(known) < len(rows):
        return None
    wanted, row = (max if order == "last" else min)(known)
    return row if sum(day == wanted for day, _ in known) == 1 else None
