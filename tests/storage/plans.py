"""How a database will answer a query."""

from typing import Any

from sqlalchemy import Executable, text
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
