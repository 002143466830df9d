"""Which findings count is known without reading every job."""

from storage.container import Storage
from tests.storage.plans import plan_of_first


def test_an_index_finds_the_jobs_whose_findings_do_not_count(storage: Storage) -> None:
    plan = plan_of_first(storage.engine, lambda: storage.findings.counts(["1.2", "1.3"]))
    if storage.engine.dialect.name == "sqlite":
        assert "SEARCH job USING INDEX ix_job_ending (ending>?)" in plan, plan
    else:
        assert "Index Cond: ((ending)::text > ''" in plan, plan
