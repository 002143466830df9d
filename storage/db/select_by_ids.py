"""Questions about rows whose ids are known, written out once for each kind of database.

Making a statement, finding it among those that were made and binding its parameters cost
several times what the database needs for a page's counts, so these go to the driver as text.
"""

import json
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, Dialect, Select, any_, bindparam, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.sql.compiler import SQLCompiler

from storage.core.callers.visibility import current_visibility
from storage.db.engine import among

MakeStatement = Callable[[ColumnElement[bool]], Select[Any]]


class ById:
    """A statement about the rows whose `column` is one of some ids.

    `make` gets the condition and returns the statement, whose columns must be numbers and
    text: their values are handed on as the driver gives them.
    """

    def __init__(self, column: ColumnElement[int], make: MakeStatement) -> None:
        self._column = column
        self._make = make
        self._compiled: dict[str, _Written] = {}

    def rows(self, connection: Connection, ids: Collection[int]) -> Sequence[Sequence[Any]]:
        """Raises what the driver raises."""
        if current_visibility() is not None:
            # What is written once for all would not be narrowed to what the caller may see.
            return connection.execute(self._make(among(connection, self._column, ids))).all()
        dialect = connection.dialect
        written = self._compiled.get(dialect.name) or self._write(dialect)
        return connection.exec_driver_sql(written.text, written.parameters(ids)).all()

    def _write(self, dialect: Dialect) -> "_Written":
        if dialect.name == "postgresql":
            condition = self._column == any_(bindparam("ids", type_=ARRAY(BigInteger)))
        else:
            condition = self._column.in_(text("SELECT value FROM json_each(:ids)"))
        compiled = self._make(condition).compile(dialect=dialect)
        order = compiled.positiontup if isinstance(compiled, SQLCompiler) else None
        written = _Written(str(compiled), dict(compiled.params), tuple(order or ()))
        return self._compiled.setdefault(dialect.name, written)


@dataclass(frozen=True, slots=True)
class _Written:
    text: str
    fixed: dict[str, Any]
    positions: tuple[str, ...]
    """Names of the parameters in their order; empty where the driver takes them by name."""

    def parameters(self, ids: Collection[int]) -> Any:
        if not self.positions:
            return {**self.fixed, "ids": list(ids)}
        values = {**self.fixed, "ids": json.dumps(list(ids))}
        return tuple(values[name] for name in self.positions)
