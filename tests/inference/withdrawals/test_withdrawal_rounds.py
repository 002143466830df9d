"""Rounds of withdrawals: what fails keeps nothing else waiting."""

from pathlib import Path

import pytest

from inference.withdrawals import late_instances
from inference.withdrawals.late_instances import withdraw_outdated
from storage.container import Storage
from storage.core.clock import utcnow
from storage.core.entities import Job
from storage.core.postponed import Postponed
from tests.inference.orchestration import storage_in


def test_results_that_cannot_be_withdrawn_hold_no_others_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(late_instances, "_JOBS_PER_ROUND", 1)
    with storage_in(tmp_path) as storage:
        jobs = [storage.jobs.schedule("p", "1", f"2.25.{n}", "2.25.9", str(n))[0] for n in range(2)]
        for job in jobs:
            assert storage.withdrawals.supersede(job.job_id, "It has changed.", utcnow())
        tried = []

        def withdraw(_: Storage, job: Job) -> list[str]:
            tried.append(job.job_id)
            if job.job_id == jobs[0].job_id:
                raise OSError
            return []

        monkeypatch.setattr(late_instances, "_withdraw", withdraw)
        postponed = Postponed(60)
        for _ in range(3):
            withdraw_outdated(storage, utcnow(), postponed=postponed)
        assert tried == [job.job_id for job in jobs]
        # It is tried again once it was left alone for long enough.
        withdraw_outdated(storage, utcnow(), postponed=Postponed(60))
        assert tried[2:] == [jobs[0].job_id]
        assert [one.job_id for one in storage.withdrawals.waiting(9)] == [jobs[0].job_id]
