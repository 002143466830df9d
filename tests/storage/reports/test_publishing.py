"""Reports that are to leave the node are found without reading those that have left."""

from sqlalchemy import text

from storage.container import Storage
from storage.reports.publishing import waiting


def test_reports_to_publish_are_found_by_their_index(storage: Storage) -> None:
    is_sqlite = storage.engine.dialect.name == "sqlite"
    with storage.engine.connect() as connection:
        if not is_sqlite:
            # A table without rows is read as a whole, whatever indexes it has.
            connection.execute(text("SET LOCAL enable_seqscan = off"))
        for but in (frozenset(), frozenset({"a"})):
            query = waiting(10, but).compile(storage.engine, compile_kwargs={"literal_binds": True})
            explain = "EXPLAIN QUERY PLAN" if is_sqlite else "EXPLAIN"
            plan = [str(row) for row in connection.exec_driver_sql(f"{explain} {query}")]
            assert "ix_report_to_publish" in " ".join(plan), plan
            assert "Sort" not in " ".join(plan), plan
            assert "TEMP B-TREE" not in " ".join(plan), plan
