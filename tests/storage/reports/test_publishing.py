"""Reports that are to leave the node are found without reading those that have left."""

from storage.container import Storage
from storage.reports.publishing import waiting
from tests.storage.plans import plan_of


def test_reports_to_publish_are_found_by_their_index(storage: Storage) -> None:
    for but in (frozenset[str](), frozenset({"a"})):
        plan = plan_of(storage.engine, waiting(10, but))
        assert "ix_report_to_publish" in plan, plan
        assert "Sort" not in plan, plan
        assert "TEMP B-TREE" not in plan, plan
