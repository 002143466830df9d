"""Pages that begin after a row, not after a number of rows: what is added meanwhile moves none."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter
from typing import Any, Generic, Self, TypeVar

from sqlalchemy import Column, ColumnElement, and_, or_

RowT = TypeVar("RowT")
KeyValue = str | int | datetime


@dataclass(frozen=True)
class SortColumn(Generic[RowT]):
    column: ColumnElement[Any]
    value: Callable[[RowT], KeyValue]
    """What an entity has in the column."""
    kind: type[str] | type[int] | type[datetime] = str
    falls: bool = False

    @classmethod
    def of(cls, column: Column[Any], attribute: str = "", *, falls: bool = False) -> Self:
        """`attribute`: of the entity, where it is not named as the column is."""
        kind = column.type.python_type
        return cls(column, attrgetter(attribute or column.name), kind, falls)


@dataclass(frozen=True)
class Keyset(Generic[RowT]):
    """An order in which no two rows are equal; its last column is unique."""

    name: str
    columns: tuple[SortColumn[RowT], ...]

    def order(self) -> list[ColumnElement[Any]]:
        return [one.column.desc() if one.falls else one.column.asc() for one in self.columns]

    def key_of(self, row: RowT) -> tuple[KeyValue, ...]:
        return tuple(one.value(row) for one in self.columns)

    def beyond(self, key: Sequence[KeyValue]) -> ColumnElement[bool]:
        """The rows that come after the one with this key, whether or not it is still there."""
        found: list[ColumnElement[bool]] = []
        for place, (one, value) in enumerate(zip(self.columns, key, strict=True)):
            same = [
                before.column == given
                for before, given in zip(self.columns[:place], key, strict=False)
            ]
            further = one.column < value if one.falls else one.column > value
            found.append(and_(*same, further))
        return or_(*found)
