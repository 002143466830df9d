"""An engine that shows a caller no other rows than its own.

Its compiler puts, in place of each table that is about studies, the rows that
`storage.db.visible_rows` lets through. A query names tables as always and cannot forget it;
compiled statements are cached, since the groups are parameters read when a statement runs. An
UPDATE or DELETE touches visible rows alone; an INSERT is not narrowed.
"""

from collections.abc import Callable
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from sqlalchemy import Engine, Table, event, select, tuple_
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.dml import Delete, Update

from storage.db.visible_rows import VISIBLE

Statement = TypeVar("Statement", Update, Delete)

_ENGINES: WeakKeyDictionary[Engine, Engine] = WeakKeyDictionary()
_COMPILERS: dict[type[SQLCompiler], type[SQLCompiler]] = {}
"""One for all engines that are alike, which share what they compiled."""


def engine_of_viewers(engine: Engine, make: Callable[[], Engine]) -> Engine:
    """The narrowed twin of an engine, made by `make` at first use, with connections of its own."""
    twin = _ENGINES.get(engine)
    if twin is None:
        twin = make()
        base = twin.dialect.statement_compiler
        if base not in _COMPILERS:
            _COMPILERS[base] = _narrowed(base)
        twin.dialect.statement_compiler = _COMPILERS[base]
        twin = _ENGINES.setdefault(engine, twin)
        event.listen(engine, "engine_disposed", lambda _: twin.dispose())
    return twin


def _narrowed(base: type[SQLCompiler]) -> type[SQLCompiler]:
    class NarrowedCompiler(base):  # type: ignore[valid-type,misc]
        _narrowing = False

        def visit_table(
            self,
            table: Table,
            asfrom: bool = False,
            iscrud: bool = False,
            enclosing_alias: Any = None,
            **kw: Any,
        ) -> str:
            condition = VISIBLE.get(table)
            if condition is None or not asfrom or iscrud or self._narrowing:
                name: str = super().visit_table(
                    table, asfrom=asfrom, iscrud=iscrud, enclosing_alias=enclosing_alias, **kw
                )
                return name
            from_linter = kw.get("from_linter")
            if from_linter:
                from_linter.froms[table] = table.fullname
            self._narrowing = True
            try:
                rows = self.process(select(table).where(condition), asfrom=True)
            finally:
                self._narrowing = False
            if enclosing_alias is not None and enclosing_alias.element is table:
                return f"({rows})"
            return f"({rows}) AS {self.preparer.quote(table.name)}"

        def visit_update(self, update_stmt: Update, *args: Any, **kw: Any) -> str:
            text: str = super().visit_update(_visible_only(update_stmt), *args, **kw)
            return text

        def visit_delete(self, delete_stmt: Delete, *args: Any, **kw: Any) -> str:
            text: str = super().visit_delete(_visible_only(delete_stmt), *args, **kw)
            return text

    return NarrowedCompiler


def _visible_only(statement: Statement) -> Statement:
    table = statement.table
    if not isinstance(table, Table) or table not in VISIBLE:
        return statement
    key = list(table.primary_key.columns)
    other = table.alias()
    visible = select(*(other.c[column.name] for column in key))
    if len(key) == 1:
        return statement.where(key[0].in_(visible))
    return statement.where(tuple_(*key).in_(visible))
