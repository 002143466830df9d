"""Conditions that other layers combine without knowing the tables.

Each subject's own stand beside its queries (`storage.studies.conditions`,
`storage.findings.conditions`, `storage.reports.conditions`).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import ColumnElement, and_, false, or_, true

Condition = ColumnElement[bool]
Comparison = Literal["eq", "ne", "ge", "gt", "le", "lt"]


@dataclass(frozen=True)
class TimeSpan:
    """From `start` to before `end`, and how a value must stand to it."""

    comparison: Comparison
    start: datetime
    end: datetime

    @property
    def first_day(self) -> str:
        """As DICOM writes a date (PS3.5 6.2, DA); for dates that have no time."""
        return f"{self.start:%Y%m%d}"

    @property
    def last_day(self) -> str:
        """The last day within."""
        return f"{self.end - timedelta(microseconds=1):%Y%m%d}"


def all_of(*conditions: Condition) -> Condition:
    return and_(true(), *conditions)


def any_of(*conditions: Condition) -> Condition:
    return or_(false(), *conditions)


def always() -> Condition:
    return true()


def never() -> Condition:
    return false()


def at_time(column: ColumnElement[datetime], span: TimeSpan) -> Condition:
    compared: dict[Comparison, Condition] = {
        "eq": and_(column >= span.start, column < span.end),
        "ne": or_(column < span.start, column >= span.end),
        "ge": column >= span.start,
        "gt": column >= span.end,
        "le": column < span.end,
        "lt": column < span.start,
    }
    return compared[span.comparison]


def on_day(column: ColumnElement[str], span: TimeSpan) -> Condition:
    """For a column of DA values; an empty one fits no span."""
    compared: dict[Comparison, Condition] = {
        "eq": and_(column >= span.first_day, column <= span.last_day),
        "ne": or_(column < span.first_day, column > span.last_day),
        "ge": column >= span.first_day,
        "gt": column > span.last_day,
        "le": column <= span.last_day,
        "lt": column < span.first_day,
    }
    return and_(column != "", compared[span.comparison])
