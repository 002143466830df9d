"""Rounds of publishing: what fails stays due, and keeps nothing else waiting."""

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import update

from inference.reports.export import publishing
from inference.reports.export.publishing import publish_due
from storage import tables as t
from storage.core.callers.identity import of_account
from storage.core.clock import utcnow
from storage.core.postponed import Postponed
from storage.db.engine import writing
from storage.reports.entities import ReportSection, ReportSentence
from tests.inference.orchestration import storage_in


@pytest.mark.parametrize("fails", ["_publish", "_notify_superseded"])
def test_a_report_that_cannot_be_published_stays_due(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, fails: str
) -> None:
    monkeypatch.setattr(publishing, "_REPORTS_PER_ROUND", 1)
    sections = (ReportSection("Findings", (ReportSentence("One.", ("f1",)),)),)
    with storage_in(tmp_path) as storage:
        reports = [
            storage.reports.offer(
                f"2.25.{n}", language="en", title="", sections=sections, basis_digest="1"
            ).report_id
            for n in range(2)
        ]
        for one in reports:
            storage.reports.move(one, 1, "final", of_account("dr-a"))
        with writing(storage.engine) as connection:
            connection.execute(update(t.report).values(superseded_at=utcnow()))
        tried: list[tuple[str, str]] = []

        def step(name: str, report: Any) -> None:
            tried.append((name, report.report_id))
            if (name, report.report_id) == (fails, reports[0]):
                raise OSError

        for name in ("_publish", "_notify_superseded"):
            monkeypatch.setattr(
                publishing, name, lambda _, report, *__, name=name: step(name, report)
            )
        postponed = Postponed(60)
        for _ in range(3):
            publish_due(storage, postponed)
        assert tried[-1] == ("_notify_superseded", reports[1]), "it holds no others up"
        assert tried.count((fails, reports[0])) == 1
        # It is tried again once it was left alone for long enough.
        fails = ""
        assert publish_due(storage, Postponed(60)) == 1
        assert tried[-1] == ("_notify_superseded", reports[0])
        assert publish_due(storage, Postponed(60)) == 0
