"""How a database will answer a query."""

from collections.abc import Callable
from typing import Any

from sqlalchemy import Executable, event, text
from sqlalchemy.engine import Engine


def plan_of(engine: Engine, statement: Executable) -> str:
    """The plan in the database's own words; PostgreSQL's without reading whole tables."""
    is_sqlite = engine.dialect.name == "sqlite"
    with engine.connect() as connection:
        if not is_sqlite:
            # A table without rows is read as a whole, whatever indexes it has.
            connection.execute(text("SET LOCAL enable_seqscan = off"))
        query: Any = statement.compile(engine, compile_kwargs={"literal_binds": True})
        explain = "EXPLAIN QUERY PLAN" if is_sqlite else "EXPLAIN"
        return " ".join(str(row) for row in connection.exec_driver_sql(f"{explain} {query}"))


def plan_of_first(engine: Engine, ask: Callable[[], object], begins: str = "") -> str:
    """As `plan_of`, of the first statement that `ask` gives the database and that begins so."""
    asked: list[tuple[str, Any]] = []

    def note(_conn: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        asked.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    try:
        ask()
    finally:
        event.remove(engine, "before_cursor_execute", note)
    statement, parameters = next(one for one in asked if one[0].startswith(begins))
    is_sqlite = engine.dialect.name == "sqlite"
    with engine.connect() as connection:
        if not is_sqlite:
            connection.execute(text("SET LOCAL enable_seqscan = off"))
        explain = "EXPLAIN QUERY PLAN" if is_sqlite else "EXPLAIN"
        rows = connection.exec_driver_sql(f"{explain} {statement}", parameters)
        return " ".join(str(row) for row in rows)
